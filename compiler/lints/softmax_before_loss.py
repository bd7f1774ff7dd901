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
from dlc.compiler.lints._chains import MOVING, PICKING, chains_of

CODE = code("W0102")

# What squashes, and the step of `postprocess` that gives its probabilities.
_SQUASHING = {
    "softmax": "softmax",
    "log_softmax": "softmax",
    "softmin": "softmax",
    "sigmoid": "sigmoid",
    "log_sigmoid": "sigmoid",
    "hardsigmoid": "sigmoid",
}
_APPLIED = {
    "cross_entropy": tuple(_SQUASHING),
    "binary_cross_entropy_with_logits": tuple(_SQUASHING),
    "focal_loss": tuple(_SQUASHING),
    "dice_loss": tuple(_SQUASHING),
    "sigmoid_focal_loss": tuple(_SQUASHING),
    "multilabel_soft_margin_loss": tuple(_SQUASHING),
    "kl_div": ("softmax", "softmin", "sigmoid", "hardsigmoid"),
    "ctc_loss": ("softmax", "softmin", "sigmoid", "hardsigmoid"),
    "nll_loss": ("softmax", "softmin", "sigmoid", "hardsigmoid"),
}
_REMEDY = {
    "kl_div": "`kl_div` takes log-probabilities: use `log_softmax` here",
    "ctc_loss": "`ctc_loss` takes log-probabilities: use `log_softmax` here",
    "nll_loss": "`nll_loss` takes log-probabilities: use `log_softmax`, or `cross_entropy` on "
    "the logits",
}


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    if not compilation.settings.loss:
        return
    chains = chains_of(compilation)
    for term in compilation.settings.loss:
        name = term.loss.names[0]
        layer = chains.end(name, MOVING | PICKING)
        node = layer.node if layer is not None else None
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
                    f"{_removal(node.kind)}; for probabilities write "
                    f"`postprocess: {{{name}: {_SQUASHING[node.kind]}}}`",
                ),
            )


def _removal(kind: str) -> str:
    if kind == "softmin":
        return "take the negative, `-x`, in place of `softmin(x)` here"
    return f"remove `{kind}` here"
