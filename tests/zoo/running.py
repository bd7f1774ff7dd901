"""Compiling a spec of the zoo, and drawing batches from its declared types."""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor, nn

from dlc.compiler import Compilation, Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import Dim, substitute
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.loading import load_module, model_class
from tests.zoo.networks import SPECS, ZOO

SIZES = {"N": 3, "T": 5, "S": 4}


def compiled(name: str, surface: str = "yaml", sets: tuple[str, ...] = ()) -> Compilation:
    path = SPECS / f"{name}.{surface}"
    text = path.read_text(encoding="utf-8")
    result = check(Source(path.name, text, surface), path=path, sets=sets)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return result.compilation


def small(name: str) -> Compilation:
    return compiled(name, sets=ZOO[name].small)


def built(compilation: Compilation) -> tuple[ModuleType, nn.Module]:
    """The generated module, and its network with reproducible weights."""
    module = load_module(generate(compilation))
    torch.manual_seed(0)
    return module, model_class(module)()


def batch(name: str, compilation: Compilation) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs and targets of the small network."""
    generator = torch.Generator().manual_seed(0)
    graph = compilation.program.graph
    inputs = {key: _drawn(name, key, graph.values[key], generator) for key in graph.inputs}
    targets = {key: _drawn(name, key, type, generator) for key, type in compilation.program.targets}
    return inputs, targets


def _drawn(network: str, name: str, type: TensorType, generator: torch.Generator) -> Tensor:
    sizes = {**SIZES, **ZOO[network].sizes}

    def size(dim: Dim) -> int:
        found = substitute(dim, sizes)
        assert isinstance(found, int), f"{network}: {name} has the size {dim}"
        return found

    shape = tuple(map(size, type.shape))
    if type.dtype is DType.BOOL:
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[0, -2:] = True
        return mask
    if type.dtype.is_int:
        if name.endswith("lengths"):
            return torch.randint(1, min(SIZES["T"], SIZES["S"]) + 1, shape, generator=generator)
        return torch.randint(0, ZOO[network].below[name], shape, generator=generator)
    return torch.rand(shape, generator=generator)
