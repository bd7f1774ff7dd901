"""A layer or an input that nothing uses.

A dead branch is computed, trained by nothing and exported for nothing; most often the
line after it was meant to take it. Remedy: use the value, mark it as an output, or
remove the line.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.graph import BlockCall, Graph, Program, split_path

CODE = code("W0101")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    program = compilation.program
    for graph in program.graphs.values():
        used = _used(program, graph)
        for node in graph.nodes:
            if used.isdisjoint(node.outputs) and node.span is not None:
                what = "block" if isinstance(node.op, BlockCall) else "layer"
                yield Diagnostic(
                    CODE,
                    f"nothing uses the result of the {what} `{node.name}`",
                    Label(node.span),
                    help="use it, mark it as an output, or remove it",
                )
    main = program.graph
    model = compilation.spec.model
    used = _used(program, main)
    for decl in model.inputs if model else ():
        if decl.name.text not in used:
            yield Diagnostic(
                CODE,
                f"nothing uses the input `{decl.name}`",
                Label(decl.name.span),
                help="use it in `layers`, or remove it",
            )


def _used(program: Program, graph: Graph) -> set[str]:
    used = {value for node in graph.nodes for _, value in node.inputs}
    used |= {value for _, value in graph.outputs}
    # A layer whose weights are lent is used, even where its result is not.
    layers = {node.name for node in graph.nodes}
    owners = {split_path(path, layers)[0] for node in graph.nodes for _, path in node.shared}
    owners |= {node.op.reuses for node in graph.nodes if isinstance(node.op, BlockCall)}
    return used | {v for node in graph.nodes if node.name in owners for v in node.outputs}
