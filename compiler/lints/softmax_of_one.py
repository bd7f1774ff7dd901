"""A softmax over a single unit.

exp(x) / exp(x) is 1 whatever x is: the output is constant, and no gradient flows back. For one
answer of yes or no a sigmoid is meant. Remedy: `sigmoid`, or a unit for each class.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0117")

_KINDS = frozenset({"softmax", "log_softmax", "softmin"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    for graph in compilation.program.graphs.values():
        for node in graph.nodes:
            if node.kind not in _KINDS or node.span is None:
                continue
            shape = graph.values[node.inputs[0][1]].shape
            dim = getattr(node.op, "dim", -1)
            if -len(shape) <= dim < len(shape) and shape[dim] == 1:
                constant = "1" if node.kind != "log_softmax" else "0"
                yield Diagnostic(
                    CODE,
                    f"`{node.kind}` over one unit is {constant}, whatever comes in",
                    Label(node.span),
                    help="use `sigmoid` for one yes or no, or a unit for each class",
                )
