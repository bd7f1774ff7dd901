"""Each kind of target: what is written, and what is told of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.failures import shown
from dlc.runtime.targets.delivery import Delivered, Origin, deliver
from dlc.runtime.targets.feeds import refuse_types, write_golden
from dlc.runtime.targets.folder import files_in, written
from dlc.runtime.targets.kserve import MANIFEST, Service, manifest
from dlc.runtime.targets.triton import CONFIG, VERSION, TritonOptions, config, write_labels
from dlc.runtime.targets.web import Runtime, write_site

README = "README.md"


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """What is said beside the kind: each is read by the targets that it is for."""

    runtime: Runtime = field(default_factory=Runtime)
    triton: TritonOptions = field(default_factory=TritonOptions)
    storage: str = ""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A folder that was written: its files with their sizes, and how to go on."""

    path: Path
    kind: str
    name: str
    files: Mapping[str, int]
    go_on: tuple[str, ...]
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def write_target(kind: str, origin: Origin, out: Path, options: TargetOptions) -> Written:
    """Writes the model of an origin as a folder for a kind of target. Raises `Failure`
    E0931 where the target cannot run it, E0932, E0611."""
    with written(out, kind) as folder:
        model, go_on = KINDS[kind](origin, folder, options)
        sizes = {name: (folder / name).stat().st_size for name in files_in(folder)}
    return Written(
        path=out,
        kind=kind,
        name=model.name,
        files=sizes,
        go_on=tuple(line.format(out=shown(out), name=model.name) for line in go_on),
        warnings=(*model.warnings, *(() if kind == "web" else _left_to_clients(model, kind))),
    )


_Answer = tuple[Delivered, tuple[str, ...]]


def _web(origin: Origin, folder: Path, options: TargetOptions) -> _Answer:
    model = deliver(origin, folder)
    write_site(model, folder, options.runtime)
    return model, (
        "look at it: python -m http.server --directory {out}",
        "any web server of files will do; the browser computes",
    )


def _triton(origin: Origin, folder: Path, options: TargetOptions) -> _Answer:
    model = _repository(origin, folder, options)
    return model, ("serve it: tritonserver --model-repository={out}",)


def _kserve(origin: Origin, folder: Path, options: TargetOptions) -> _Answer:
    model = _repository(origin, folder, options)
    size = sum(path.stat().st_size for path in model.path.parent.iterdir())
    gpus = 1 if options.triton.accelerator in ("cuda", "tensorrt") else 0
    service = Service(name=model.name, uri=options.storage, bytes=size, gpus=gpus)
    (folder / MANIFEST).write_text(manifest(service), encoding="utf-8")
    return model, (
        f"put {{out}}/{{name}} below {options.storage}",
        f"then: kubectl apply -f {{out}}/{MANIFEST}",
    )


def _repository(origin: Origin, folder: Path, options: TargetOptions) -> Delivered:
    """A Triton repository of one model, whose folder bears the name that the model has."""
    first = folder / "model"
    place = first / VERSION
    place.mkdir(parents=True)
    model = deliver(origin, place)
    (first / CONFIG).write_text(config(model, options.triton), encoding="utf-8")
    write_labels(model, first)
    first.rename(folder / model.name)
    moved = folder / model.name / VERSION / model.path.name
    return replace(model, path=moved)


def _program(kind: str, go_on: tuple[str, ...]) -> Callable[[Origin, Path, TargetOptions], _Answer]:
    """A program of one language with the model and its golden input."""

    def write_program(origin: Origin, folder: Path, options: TargetOptions) -> _Answer:
        model = deliver(origin, folder)
        refuse_types(model)
        write_golden(model, folder)
        for entry in files("dlc.runtime.targets").joinpath("files", kind).iterdir():
            with entry.open("rb") as source, (folder / entry.name).open("wb") as copy:
                shutil.copyfileobj(source, copy)
        return model, go_on

    return write_program


KINDS: Final[Mapping[str, Callable[[Origin, Path, TargetOptions], _Answer]]] = {
    "web": _web,
    "triton": _triton,
    "kserve": _kserve,
    "node": _program(
        "node",
        (
            "in {out}: npm install --onnxruntime-node-install-cuda=skip",
            "then: node answer.mjs",
        ),
    ),
    "cpp": _program(
        "cpp",
        (
            "in {out}: cmake -B build -DONNXRUNTIME=DIR && cmake --build build",
            "then: build/answer",
        ),
    ),
}


def _left_to_clients(model: Delivered, kind: str) -> list[Diagnostic]:
    """What a target does not do of what stands before the file."""
    left = {
        name: ("decoding" if given.pictures else ", ".join(step.name for step in given.host))
        for name, given in model.info.inputs.items()
        if given.host or given.pictures
    }
    if not left:
        return []
    steps = "; ".join(f"`{name}`: {what}" for name, what in left.items())
    return [
        Diagnostic(
            code("W0930"),
            f"what stands before the model file is left to clients ({steps})",
            notes=(f"{kind} runs the file alone, which takes tokens, pixels and numbers",),
            help="send what the file takes; `dlc serve` takes texts and picture files",
        )
    ]
