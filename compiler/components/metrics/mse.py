"""The mean squared error, as a metric."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._pairwise import PairwiseMetric
from dlc.compiler.record import component


@component
class Mse(PairwiseMetric):
    """The mean squared error.

        metrics: mse(price, price_value)

    mean((x - t)^2) over all numbers.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    name: ClassVar[str] = "mse"
