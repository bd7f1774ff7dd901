"""The Poisson likelihood of counts."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class PoissonNllLoss(PairwiseLoss):
    """The negative log likelihood of counts, which are drawn from a Poisson distribution.

        loss: poisson_nll_loss(log_rate, count)

    The mean of exp(x) - t x over all numbers, or, where the network gives the rate itself, of
    x - t log(x + eps).

    Arguments:
        input: the logarithm of the expected count, or the expected count
        target: the counts, of the same shape
        log_input: whether the network gives the logarithm
        full: add Stirling's approximation of log(t!), t log t - t + 0.5 log(2 pi t) for t > 1,
            which changes no gradient
        eps: what keeps the logarithm from 0

    Source: torch.nn.functional.poisson_nll_loss.
    """

    name: ClassVar[str] = "poisson_nll_loss"

    log_input: bool = True
    full: bool = False
    eps: PositiveFloat = 1e-8

    def _keywords(self) -> dict[str, str]:
        given = {
            "log_input": self.log_input if not self.log_input else None,
            "full": self.full or None,
            "eps": self.eps if self.eps != 1e-8 else None,
        }
        return {name: literal(value) for name, value in given.items() if value is not None}
