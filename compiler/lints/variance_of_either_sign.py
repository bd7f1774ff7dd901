"""A variance that may be negative.

`gaussian_nll_loss` takes the logarithm of the variance and divides by it. What a linear layer
gives may be negative: such a variance is raised to `eps`, a millionth, over which the square of
the error is divided, so that a few samples outweigh all others. Remedy: end the variance in
`softplus` or `exp`.

Source: Nix and Weigend, "Estimating the mean and variance of the target probability
distribution" (1994), which exponentiates.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.losses.gaussian_nll_loss import GaussianNllLoss
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import chains_of
from dlc.compiler.lints._ranges import EITHER_SIGN, origin

CODE = code("W0107")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    for term in compilation.settings.loss:
        if not isinstance(term.loss, GaussianNllLoss):
            continue
        name = term.loss.var
        layer = origin(chains_of(compilation), name)
        if layer is None or layer.node.span is None or layer.node.kind not in EITHER_SIGN:
            continue
        yield Diagnostic(
            CODE,
            f"`{name}` is a variance, and what `{layer.node.kind}` gives may be negative",
            Label(layer.node.span),
            notes=(f"the loss raises it to {term.loss.eps:g} there, and divides the error by it",),
            help=f"end `{name}` in `softplus` or `exp`",
        )
