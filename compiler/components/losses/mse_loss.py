"""The mean squared error."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.record import component


@component
class MseLoss(PairwiseLoss):
    """The mean squared error, for regression.

        loss: mse_loss(price, price_value)

    mean((x - t)^2) over all numbers.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    name: ClassVar[str] = "mse_loss"
    squared: ClassVar[bool] = True
    neutral: ClassVar[float | None] = 0.0
