"""The smooth L1 loss."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class SmoothL1Loss(PairwiseLoss):
    """Squared near zero, absolute beyond: regression with outliers.

        loss: smooth_l1_loss(age, age_value, beta=0.5)

    The mean of 0.5 (x - t)^2 / beta where |x - t| < beta, else of |x - t| - 0.5 beta.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
        beta: where the square ends, in units of the target; 0 gives `l1_loss`

    Source: Girshick, "Fast R-CNN" (2015).
    """

    name: ClassVar[str] = "smooth_l1_loss"
    neutral: ClassVar[float | None] = 0.0

    beta: NonNegative = 1.0

    def _keywords(self) -> dict[str, str]:
        return {} if self.beta == 1.0 else {"beta": literal(self.beta)}
