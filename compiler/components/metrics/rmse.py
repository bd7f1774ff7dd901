"""The root of the mean squared error."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._pairwise import PairwiseMetric
from dlc.compiler.record import component


@component
class Rmse(PairwiseMetric):
    """The root of the mean squared error.

        metrics: rmse(price, price_value)

    sqrt(mean((x - t)^2)) over all numbers, in the unit of the target. A target of NaN is
    missing and does not count.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    name: ClassVar[str] = "rmse"
