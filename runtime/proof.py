"""Whether a generated module is the program it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from dlc.compiler.codegen.identifiers import module_path
from dlc.compiler.codegen.torch_module import submodule_paths
from dlc.compiler.ir.graph import Program
from dlc.runtime.loading import load_module, model_class


def disagreements(source: str, program: Program) -> tuple[str, ...]:
    """What a generated module has and its program lacks, or the other way round.

    The module is built on the meta device, so that no memory is taken. Compared are the
    submodules of the layers and the names, shapes, element types and kinds (learned or
    buffer) of all parameters.
    """
    with torch.device("meta"):
        model = model_class(load_module(source))()
    return (*_layers(model, program), *_tensors(model, program))


def _layers(model: torch.nn.Module, program: Program) -> Iterator[str]:
    found = {name for name, _ in model.named_modules()}
    for path in submodule_paths(program):
        if path not in found:
            yield f"the module has no layer `{path}`"


def _tensors(model: torch.nn.Module, program: Program) -> Iterator[str]:
    learned = {name: _type(p) for name, p in model.named_parameters()}
    # Buffers that are not saved are constants of the spec, not state.
    saved = set(model.state_dict())
    buffers = {name: _type(b) for name, b in model.named_buffers() if name in saved}
    for kind, found, trainable in (("parameter", learned, True), ("buffer", buffers, False)):
        wanted = {
            module_path(path): f"{p.dtype.value}{list(p.shape)}"
            for path, p in program.parameters()
            if p.trainable is trainable
        }
        for name in wanted.keys() - found.keys():
            yield f"the module has no {kind} `{name}`"
        for name in found.keys() - wanted.keys():
            yield f"the graph has no {kind} `{name}`"
        for name in wanted.keys() & found.keys():
            if wanted[name] != found[name]:
                yield f"the {kind} `{name}` is {found[name]}, not {wanted[name]}"


def _type(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
