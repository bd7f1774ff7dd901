"""Scaling that outliers hardly move."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import FeatureStep, ScalingStep
from dlc.compiler.record import component


@component
class Robust(ScalingStep):
    """Takes the median away and divides by the distance of the quartiles, per feature.

        preprocess: {income: robust}

    y = (x - median) / (q75 - q25), quantiles of the training part, linear between two values.
    A few values far off do not move them, as they do a mean and a deviation. A feature whose
    quantiles are equal is divided by 1.

    Arguments:
        low: the lower quantile, as a share
        high: the upper quantile, as a share
        dim: the dim of the features: 1 for the columns of a table or the channels of an image;
            -1 is the last. Without such a dim all numbers are one feature
    """

    name: ClassVar[str] = "robust"
    statistics: ClassVar[tuple[str, ...]] = ("median", "range")
    shift: ClassVar[str | None] = "median"
    divisor: ClassVar[str | None] = "range"

    low: Fraction = 0.25
    high: Fraction = 0.75

    def validate(self) -> None:
        FeatureStep.validate(self)
        if not self.low < self.high:
            raise ComponentError(
                "E0310",
                f"quantiles from {self.low:g} to {self.high:g}",
                blame="high",
                help="give a `high` above `low`",
            )
