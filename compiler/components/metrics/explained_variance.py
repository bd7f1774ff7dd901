"""Explained variance."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._regression import VariationMetric
from dlc.compiler.record import component


@component
class ExplainedVariance(VariationMetric):
    """How much of the target's variance is predicted, whatever the predictions are off by.

        metrics: explained_variance(price, price_value)

    1 - var(x - t) / var(t): as `r2`, but a constant error costs nothing.

    Source: as in scikit-learn.
    """

    name: ClassVar[str] = "explained_variance"
    higher_is_better: ClassVar[bool] = True
