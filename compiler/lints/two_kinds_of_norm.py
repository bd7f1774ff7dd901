"""Local response normalization beside batch norm.

Both bound the size of activations; batch norm learns to do it, and local response normalization
then changes nothing but the time a step takes (Simonyan and Zisserman, 2015, found no gain of
it even alone). Remedy: leave `local_response_norm` out.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0124")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    nodes = [node for graph in compilation.program.graphs.values() for node in graph.nodes]
    norm = next((node for node in nodes if node.kind.startswith("batch_norm")), None)
    for node in nodes if norm is not None else ():
        if node.kind == "local_response_norm" and node.span is not None and norm is not None:
            yield Diagnostic(
                CODE,
                f"`{node.name}` does again what `{norm.kind}` does",
                Label(node.span),
                (Label(norm.span, "this one learns its scale"),) if norm.span else (),
                help="leave `local_response_norm` out",
            )
