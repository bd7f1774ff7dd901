"""The model file that a target starts from: exported from a run, or taken as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.bundle.golden import Golden, read_golden
from dlc.runtime.bundle.layout import GOLDEN, GOLDEN_TENSORS
from dlc.runtime.bundle.manifest import damages, is_bundle, read_manifest, refusal
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.failures import io_failure, shown
from dlc.runtime.inference.model_files import external_tensors, load_proto
from dlc.runtime.inference.session import Array, ModelSession, open_model
from dlc.runtime.serving.form import Tensors

NAME = "model.onnx"


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A model file in the folder of a target. `outside` are the files beside it that hold its
    weights, where one file cannot."""

    path: Path
    session: ModelSession
    info: ModelInfo
    outside: tuple[str, ...] = ()
    golden: Golden | None = None
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def inputs(self) -> Tensors:
        return self.session.inputs

    @property
    def outputs(self) -> Tensors:
        """Element type and sizes by name, as `ModelSession.inputs` has them."""
        return {o.name: (o.type, tuple(o.shape)) for o in self.session.session.get_outputs()}

    @property
    def name(self) -> str:
        """What the model is called, where names are plain."""
        letters = (c if c.isascii() and c.isalnum() else "-" for c in self.info.name.lower())
        return "-".join(filter(None, "".join(letters).split("-"))) or "model"

    def answer(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return self.session.run(feeds)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from: `write` writes it to a path and gives what there is to warn of;
    `golden` has inputs with the outputs that they must give, where a bundle holds such."""

    write: Callable[[Path], tuple[Diagnostic, ...]]
    golden: Golden | None = None


def from_file(given: Path) -> Origin:
    """A model file, that of a bundle or of a folder. Raises `Failure` E0610, E0611, and E0910
    and E0911 for a bundle that is not as it was written."""
    model = find_model(given)

    def write(path: Path) -> tuple[Diagnostic, ...]:
        names = outside_files(model)
        try:
            shutil.copyfile(model, path)
            for name in names:
                shutil.copyfile(model.parent / name, path.parent / name)
        except OSError as error:
            raise io_failure("cannot copy", model, error) from None
        return ()

    open_model(model, "cpu")
    return Origin(write=write, golden=_golden(given))


def _golden(given: Path) -> Golden | None:
    if not is_bundle(given):
        return None
    manifest = read_manifest(given)
    names = {GOLDEN, GOLDEN_TENSORS}
    if not names <= set(manifest.files):
        return None
    if found := damages(given, manifest, names):
        raise refusal(given, found)
    return read_golden(given)


def is_model(given: Path) -> bool:
    """Whether what is given holds a model file, and is no run that has to be exported."""
    return given.suffix == ".onnx" or (given.is_dir() and is_bundle(given))


def outside_files(model: Path) -> tuple[str, ...]:
    """The names of the files beside a model that hold weights of it."""
    found = set()
    for tensor in external_tensors(load_proto(model)):
        found |= {entry.value for entry in tensor.external_data if entry.key == "location"}
    return tuple(sorted(found))


def deliver(origin: Origin, folder: Path) -> Delivered:
    """Writes the model into a folder and opens it there."""
    path = folder / NAME
    warnings = origin.write(path)
    session = open_model(path, "cpu")
    return Delivered(
        path=path,
        session=session,
        info=ModelInfo.read(session.metadata, shown(path)),
        outside=outside_files(path),
        golden=origin.golden,
        warnings=warnings,
    )
