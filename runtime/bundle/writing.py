"""Writing a bundle: everything is made and proved in a folder aside, which then appears at once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlc.runtime.bundle.card import model_card
from dlc.runtime.bundle.drawing import check_core, draw_golden
from dlc.runtime.bundle.layout import (
    CARD,
    CORE,
    HOST,
    LABELS,
    MANIFEST,
    MODEL,
    SESSION,
    SPEC,
    tokenizer_name,
)
from dlc.runtime.bundle.manifest import (
    FileEntry,
    Manifest,
    damages,
    read_manifest,
    refusal,
    sha256_of,
)
from dlc.runtime.bundle.numbers import tolerance_of
from dlc.runtime.bundle.portable import portable
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.bundle.staging import refuse_target, staged, sync_file
from dlc.runtime.export.exporter import OUTSIDE_BYTES, Exported, export_network
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.export.onnx_builder import set_location
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.model_files import load_proto
from dlc.runtime.training.storage import replace_file, write_file

if TYPE_CHECKING:
    from dlc.runtime.export.exporter import Network


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A bundle that was written: `model` and `core` are its files with their proofs."""

    path: Path
    model: Exported
    core: Exported
    files: Mapping[str, FileEntry]

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files.values())


def export_bundle(
    network: Network,
    out: Path,
    opset: int | None = None,
    *,
    outside_bytes: int = OUTSIDE_BYTES,
    fold: bool = True,
    precision: str | None = None,
    max_drop: float | None = None,
) -> Bundled:
    """Writes a network as a bundle, each of its models proved equal to PyTorch. Weights of more
    than `outside_bytes` lie beside the models, once for both. A smaller number format is that of
    the model; the network alone stays float32.

    A bundle that stands there is replaced. Raises what `export_network` raises, and `Failure`
    E0913 where something else is in the way, E0903 for a format that does not run here.
    """
    refuse_target(out)
    network = replace(network, compilation=portable(network.compilation))
    with staged(out) as folder:
        model = export_network(
            network,
            folder / MODEL,
            opset,
            outside_bytes=outside_bytes,
            fold=fold,
            precision=precision,
            max_drop=max_drop,
        )
        _refuse_unproved(model)
        core = export_network(
            _bare(network), folder / CORE, opset, outside_bytes=outside_bytes, fold=fold
        )
        core = _sharing(core, model)
        info = _info(folder / MODEL)
        with _in_float32(network, model, opset) as plain:
            check_core(network, plain, core.path)
        golden = draw_golden(network, model.path, core.path, info, tolerance_of(model.path))
        files = {**_texts(info), **golden.files()}
        files[CARD] = model_card(network, model, core, info, golden)
        for name, content in files.items():
            write_file(folder / name, (content,))
        manifest = _seal(folder, info)
    return Bundled(
        path=out,
        model=_moved(model, out),
        core=_moved(core, out),
        files=manifest.files,
    )


def _refuse_unproved(model: Exported) -> None:
    """Raises `Failure` E0903 for a file that gives no golden answers here."""
    if any(warning.code.number == "W0902" for warning in model.warnings):
        assert model.precision is not None
        raise failure(
            "E0903",
            f"a bundle proves itself by golden answers, and a file in {model.precision.precision}"
            " does not run on this machine",
            help="write the file alone with `-o`, or a bundle in fp16 or int8",
        )


@contextmanager
def _in_float32(network: Network, model: Exported, opset: int | None) -> Iterator[Path]:
    """The model before it got smaller numbers, with which the network alone agrees."""
    if model.precision is None:
        yield model.path
        return
    with tempfile.TemporaryDirectory(prefix="dlc-bundle-") as folder:
        out = Path(folder) / MODEL
        yield export_network(network, out, opset, precision="float32").path


def store_settings(folder: Path, settings: SessionSettings) -> None:
    """Writes how the model of a bundle is to be run, such as `dlc bench` found to be fastest.

    The bundle is whole at every moment, before with the old settings, then with the new ones.
    Raises `Failure` E0910, E0911, E0611.
    """
    manifest = read_manifest(folder)
    found = damages(folder, manifest)
    if found:
        raise refusal(folder, found)
    with staged(folder) as copy:
        for name in manifest.files:
            if name != SESSION:
                shutil.copyfile(folder / name, copy / name)
                sync_file(copy / name)
        content = settings.content()
        entry = FileEntry(sha256=write_file(copy / SESSION, (content,)), bytes=len(content))
        changed = replace(manifest, files={**manifest.files, SESSION: entry})
        write_file(copy / MANIFEST, (changed.content(),))


def _bare(network: Network) -> Network:
    """The network alone: without what stands before and behind it in the model file."""
    compilation = network.compilation
    settings = replace(compilation.settings, preprocess={}, postprocess={})
    return replace(
        network,
        compilation=replace(compilation, settings=settings),
        preprocessing=None,
    )


def _sharing(core: Exported, model: Exported) -> Exported:
    """The network alone with the outside weights of the model, where they are the same."""
    own, other = core.outside, model.outside
    if own is None or other is None or sha256_of(own) != sha256_of(other):
        return core
    proto = load_proto(core.path)
    set_location(proto, other.name)
    size = own.stat().st_size
    replace_file(core.path, proto.SerializeToString())
    own.unlink()
    return replace(core, outside=other, bytes=core.path.stat().st_size + size)


def _texts(info: ModelInfo) -> dict[str, bytes]:
    """The files that repeat, for other programs and for people, what the model says itself."""
    host = json.loads(info.properties()["dlc.preprocess"])
    files = {
        SPEC: info.spec.encode(),
        LABELS: _json({name: list(words) for name, words in info.labels.items()}),
        HOST: _json(host),
        SESSION: SessionSettings().content(),
    }
    for name, given in info.inputs.items():
        if given.tokenizer:
            files[tokenizer_name(name)] = given.tokenizer.encode()
    return files


def _info(model: Path) -> ModelInfo:
    properties = {entry.key: entry.value for entry in load_proto(model).metadata_props}
    return ModelInfo.read(properties, shown(model))


def _seal(folder: Path, info: ModelInfo) -> Manifest:
    """Writes the manifest of all that is in the folder."""
    files = {
        path.name: FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)
        for path in sorted(folder.iterdir())
    }
    manifest = Manifest(name=info.name, digest=info.digest, files=files)
    write_file(folder / MANIFEST, (manifest.content(),))
    return manifest


def _moved(exported: Exported, out: Path) -> Exported:
    outside = exported.outside
    return replace(
        exported,
        path=out / exported.path.name,
        outside=None if outside is None else out / outside.name,
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()
