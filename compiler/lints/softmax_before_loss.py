"""Softmax or sigmoid before a loss that applies it.

`cross_entropy` takes logits and applies log-softmax itself; with a softmax before it the
gradient shrinks by the softmax's own slope, p(1 - p), and training crawls without an
error. The same holds for sigmoid before `binary_cross_entropy_with_logits`. Remedy: take
the logits to the loss, and ask for probabilities in `postprocess`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label

CODE = code("W0102")

_APPLIED = {
    "cross_entropy": ("softmax", "log_softmax", "sigmoid"),
    "binary_cross_entropy_with_logits": ("sigmoid", "softmax"),
    "nll_loss": ("softmax",),
}
_REMEDY = {
    "nll_loss": "`nll_loss` takes log-probabilities: use `log_softmax`, or `cross_entropy` on "
    "the logits",
}


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    graph = compilation.program.graph
    outputs = dict(graph.outputs)
    producers = {value: node for node in graph.nodes for value in node.outputs}
    for term in compilation.settings.loss:
        name = term.loss.names[0]
        node = producers.get(outputs.get(name, ""))
        if node is None or node.span is None:
            continue
        if node.kind in _APPLIED.get(term.loss.name, ()):
            yield Diagnostic(
                CODE,
                f"`{term.loss.name}` works on logits, and `{name}` went through `{node.kind}`",
                Label(node.span),
                notes=("the gradient shrinks by the slope of the second squashing",),
                help=_REMEDY.get(
                    term.loss.name,
                    f"remove `{node.kind}` here; for probabilities write "
                    f"`postprocess: {{{name}: {node.kind.removeprefix('log_')}}}`",
                ),
            )
