"""A bias that batch norm subtracts again.

Batch norm takes the mean of each channel away, and a bias is a constant in each channel:
BN(Wx + b) = BN(Wx). The bias costs memory and a sum, and gets no gradient (Ioffe and
Szegedy, 2015, section 3.2). The same holds for instance norm, but not for group norm, whose
mean is that of several channels. Remedy: `bias=false`; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Edit, Fix, Label
from dlc.compiler.ir.graph import Graph, Node
from dlc.compiler.source import Span

CODE = code("W0103")

_BIASED = tuple(f"{family}{rank}d" for family in ("conv", "conv_transpose") for rank in (1, 2, 3))
_SUBTRACTING = ("batch_norm", "instance_norm")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    for graph in compilation.program.graphs.values():
        readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for _, value in node.inputs:
                readers.setdefault(value, []).append(node)
        final = {value for _, value in graph.outputs}
        for node in graph.nodes:
            if not _adds_to_channels(graph, node):
                continue
            after = readers.get(node.outputs[0], [])
            if (
                after
                and node.span is not None
                and node.outputs[0] not in final
                and all(reader.kind.startswith(_SUBTRACTING) for reader in after)
            ):
                secondary = (
                    (Label(after[0].span, "this subtracts it again"),) if after[0].span else ()
                )
                yield Diagnostic(
                    CODE,
                    f"the bias of `{node.name}` has no effect before `{after[0].kind}`",
                    Label(node.span),
                    secondary,
                    help=None if _fix(node.span) else "write `bias: false`",
                    fix=_fix(node.span),
                )


def _adds_to_channels(graph: Graph, node: Node) -> bool:
    """Whether the layer adds one number to each channel, dim 1. The bias of `linear` runs
    along the last dim, which norms take for places where there are more than two."""
    if not any(p.role == "bias" for p in node.parameters):
        return False
    return node.kind in _BIASED or (
        node.kind == "linear" and graph.values[node.outputs[0]].rank == 2
    )


def _fix(call: Span) -> Fix | None:
    """`bias=false` added to the call; it changes the parameters, so never unasked."""
    text = call.text.rstrip()
    if not text.endswith((")", "}")) or "bias" in text:
        return None
    at = Span(call.source, call.start + len(text) - 1, call.start + len(text) - 1)
    addition = ", bias=false" if text.endswith(")") else ", bias: false"
    return Fix("leave the bias out", (Edit(at, addition),), Applicability.UNSAFE)
