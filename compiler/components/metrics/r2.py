"""The coefficient of determination."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._regression import VariationMetric
from dlc.compiler.record import component


@component
class R2(VariationMetric):
    """The coefficient of determination: how much of the target's variation is predicted.

        metrics: r2(price, price_value)

    1 - sum((x - t)^2) / sum((t - mean(t))^2): 1 is exact, 0 no better than the mean, and below
    0 worse. Where the target is constant it is 1 if all is exact, else 0; NaN below two samples.

    Source: Wright, "Correlation and causation" (1921).
    """

    name: ClassVar[str] = "r2"
    higher_is_better: ClassVar[bool] = True
