"""The Huber loss."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class HuberLoss(PairwiseLoss):
    """Squared near zero, absolute beyond: `smooth_l1_loss` times delta.

        loss: huber_loss(age, age_value, delta=2.0)

    The mean of 0.5 (x - t)^2 where |x - t| < delta, else of delta (|x - t| - 0.5 delta).

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
        delta: where the square ends, in units of the target

    Source: Huber, "Robust estimation of a location parameter" (1964).
    """

    name: ClassVar[str] = "huber_loss"
    neutral: ClassVar[float | None] = 0.0

    delta: PositiveFloat = 1.0

    def _keywords(self) -> dict[str, str]:
        return {} if self.delta == 1.0 else {"delta": literal(self.delta)}
