"""A rate in place of its logarithm, or the reverse.

`poisson_nll_loss` exponentiates what it is given: of a rate that went through `exp` or
`softplus` already it makes the exponential, which is at least 1, so that small counts cannot be
learned and large ones overflow. With `log_input=false` it takes the logarithm, which is NaN where
a plain layer gives a negative rate. Remedy: say which of the two the output is.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.losses.poisson_nll_loss import PoissonNllLoss
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._chains import chains_of
from dlc.compiler.lints._ranges import EITHER_SIGN, origin

CODE = code("W0108")

_RATES = frozenset({"exp", "softplus"})


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    for term in compilation.settings.loss:
        loss = term.loss
        if not isinstance(loss, PoissonNllLoss):
            continue
        layer = origin(chains_of(compilation), loss.input)
        if layer is None or layer.node.span is None:
            continue
        kind, place = layer.node.kind, Label(layer.node.span)
        if loss.log_input and kind in _RATES:
            yield Diagnostic(
                CODE,
                f"`poisson_nll_loss` takes the logarithm of the rate, and `{loss.input}` went "
                f"through `{kind}`",
                place,
                notes=("it is exponentiated once more: no rate below 1 can be learned",),
                help=f"remove `{kind}` here, or write `poisson_nll_loss(..., log_input=false)`",
            )
        elif not loss.log_input and kind in EITHER_SIGN:
            yield Diagnostic(
                CODE,
                f"`poisson_nll_loss` takes a rate here, and what `{kind}` gives may be negative",
                place,
                notes=("the logarithm of a negative rate is NaN",),
                help=f"end `{loss.input}` in `softplus`, or leave `log_input=false` out",
            )
