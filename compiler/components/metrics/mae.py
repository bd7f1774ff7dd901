"""The mean absolute error, as a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.components.metrics._pairwise import PairwiseMetric


@dataclass(frozen=True, kw_only=True)
class Mae(PairwiseMetric):
    """The mean absolute error.

        metrics: mae(price, price_value)

    mean(|x - t|) over all numbers.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    name: ClassVar[str] = "mae"
