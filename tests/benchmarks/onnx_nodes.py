"""Nodes of the exported files, beside those that torch.onnx.export writes of the same modules.

The networks of the zoo, as far as it goes at full size; torch's exporter gets the batch and
every other open size as dynamic, as ours are. Where it refuses, the first line of why stands.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import torch
from torch import nn

from dlc.compiler import Compilation
from dlc.compiler.codegen.onnx_graph import lower
from dlc.compiler.ir.dims import INFINITY, Poly, symbols
from dlc.compiler.passes.simplify import simplify
from tests.zoo.networks import ZOO
from tests.zoo.running import batch, built, compiled

#: Sizes do not change how many nodes there are; widths of this many megabytes take memory.
_SMALL_ABOVE = 30_000_000
_OPSETS = (20, 23)


def run() -> list[tuple[str, str]]:
    rows = []
    for name, network in ZOO.items():
        print(name, file=sys.stderr, flush=True)
        ours = _ours(compiled(name))
        theirs = [_torch(name, network.parameters, opset) for opset in _OPSETS]
        rows.append((f"nodes of `{name}`: {' | '.join(ours)}", " | ".join(theirs)))
    return rows


def _ours(compilation: Compilation) -> list[str]:
    return [str(len(simplify(lower(compilation.program, opset=o)).nodes)) for o in _OPSETS]


def _torch(name: str, parameters: int, opset: int) -> str:
    """The number of nodes, or why there is none."""
    sets = ZOO[name].small if parameters > _SMALL_ABOVE else ()
    sets = tuple(s for s in sets if not s.startswith("depth="))
    compilation = compiled(name, sets=sets)
    _, module = built(compilation)
    inputs, _ = batch(name, compilation)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                _Tensors(module.eval()),
                tuple(inputs.values()),
                dynamo=True,
                verbose=False,
                opset_version=opset,
                dynamic_shapes=(_open_sizes(compilation),),
            )
    except Exception as error:
        return f"refuses ({_reason(error)})"
    graph = program.model_proto.graph
    return str(sum(node.op_type != "Constant" for node in graph.node))


class _Tensors(nn.Module):
    """torch.onnx.export wants tensors, not a dictionary."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.inner(*inputs).values())


def _open_sizes(compilation: Compilation) -> tuple[dict[int, Any], ...]:
    graph = compilation.program.graph
    made: dict[str, Any] = {}
    found = []
    for name in graph.inputs:
        sizes = {}
        for axis, dim in enumerate(graph.values[name].shape):
            if isinstance(dim, Poly):
                (key, symbol), *_ = symbols(dim).items()
                high = symbol.high if symbol.high < INFINITY else None
                sizes[axis] = made.setdefault(key, torch.export.Dim(key, min=1, max=high))
        found.append(sizes)
    return tuple(found)


def _reason(error: Exception) -> str:
    deepest: BaseException = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    text = str(deepest).strip().partition("\n")[0]
    return f"{type(deepest).__name__}: {text[:90]}"


def main() -> int:
    """The table of the README."""
    logging.disable(logging.ERROR)
    print("| network | opset 20 | opset 23 | torch.onnx, 20 | torch.onnx, 23 |")
    print("| --- | --: | --: | --: | --: |")
    for what, theirs in run():
        print(f"| {what.removeprefix('nodes of ').replace(': ', ' | ')} | {theirs} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
