"""The mean absolute error."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.record import component


@component
class L1Loss(PairwiseLoss):
    """The mean absolute error, for regression that outliers should not rule.

        loss: l1_loss(price, price_value)

    mean(|x - t|) over all numbers.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    name: ClassVar[str] = "l1_loss"
    neutral: ClassVar[float | None] = 0.0
