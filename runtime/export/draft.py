"""A model file before it has its name: made, checked, then placed or removed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx

from dlc.compiler.codegen.onnx_graph import OnnxGraph
from dlc.runtime.export.constants import fold_constants
from dlc.runtime.export.onnx_builder import (
    OutsideWeights,
    build_model,
    set_location,
    set_metadata,
)
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import Failure, failure, io_failure
from dlc.runtime.inference.model_files import external_tensors, first_line, load_proto
from dlc.runtime.inference.session import cpu_session
from dlc.runtime.training.storage import DISK, UNFINISHED, replace_file, sync_folder


class Draft:
    """The file before it has its name. Leaving the context removes what was not placed."""

    def __init__(
        self, graph: OnnxGraph, state: Mapping[str, Array], out: Path, *, fold: bool = False
    ) -> None:
        self.out = out
        self.proto = build_model(graph, state, {})
        if fold:
            fold_constants(self.proto, {weight.name for weight in graph.weights})

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def model(self) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
        """Checks the file and gives it as a function."""
        data = self.proto.SerializeToString()
        onnx.checker.check_model(data, full_check=True)
        return _function(data)

    def place(self, properties: Mapping[str, str]) -> Path | None:
        """Gives the file its name; gives the file of outside weights, if there is one."""
        set_metadata(self.proto, properties)
        with _replaced(self.out):
            replace_file(self.out, self.proto.SerializeToString())
        return None


class OutsideDraft(Draft):
    """A file whose weights are in another beside it, made in a folder of its own.

    The other file is named after its content, so that replacing the first switches from
    the old pair to the new one at once.
    """

    def __init__(
        self, graph: OnnxGraph, state: Mapping[str, Array], out: Path, *, fold: bool = False
    ) -> None:
        self.out = out
        self.folder = out.parent / f"{UNFINISHED}{out.name}.parts"
        DISK.remove(self.folder)
        try:
            self.folder.mkdir()
            with (self.folder / "weights").open("wb") as file:
                outside = OutsideWeights(file)
                self.proto = build_model(graph, state, {}, outside)
                file.flush()
                os.fsync(file.fileno())
            self.name = f"{out.stem}-{outside.sha256[:8]}.data"
            os.replace(self.folder / "weights", self.folder / self.name)
        except OSError as error:
            DISK.remove(self.folder)
            raise io_failure("cannot write", self.folder, error) from None
        set_location(self.proto, self.name)
        if fold:
            fold_constants(self.proto, {weight.name for weight in graph.weights})

    def __exit__(self, *_: object) -> None:
        DISK.remove(self.folder)

    def model(self) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
        path = self.folder / "model.onnx"
        replace_file(path, self.proto.SerializeToString())
        onnx.checker.check_model(str(path), full_check=True)
        return _function(path)

    def place(self, properties: Mapping[str, str]) -> Path:
        set_metadata(self.proto, properties)
        target = self.out.with_name(self.name)
        stood = target.exists()
        with _replaced(self.out, keep=target):
            try:
                os.replace(self.folder / self.name, target)
                sync_folder(target.parent)
                replace_file(self.out, self.proto.SerializeToString())
            except (OSError, Failure) as error:
                if not stood:
                    target.unlink(missing_ok=True)
                if isinstance(error, OSError):
                    raise io_failure("cannot write", target, error) from None
                raise
        return target


@contextlib.contextmanager
def _replaced(out: Path, keep: Path | None = None) -> Iterator[None]:
    """Removes the outside weights of the file that stood here, once it is replaced."""
    old: set[Path] = set()
    if out.exists():
        with contextlib.suppress(Failure):
            proto = load_proto(out)
            if proto.producer_name == "dlc":
                old = {out.with_name(Path(_location(t)).name) for t in external_tensors(proto)}
    yield
    for path in old - {keep, out}:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _location(tensor: Any) -> str:
    return next((e.value for e in tensor.external_data if e.key == "location"), "")


def _function(model: bytes | Path) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    try:
        session = cpu_session(model)
    except Exception as error:
        raise failure(
            "E0601",
            f"onnxruntime does not load the exported model: {first_line(error)}",
            help="no file was written; this is a mistake of ours: please report it with the spec",
        ) from None
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, dict(feeds)), strict=True))
