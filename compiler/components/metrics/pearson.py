"""Pearson's correlation."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._regression import VariationMetric
from dlc.compiler.record import component


@component
class Pearson(VariationMetric):
    """Pearson's correlation of predictions and truth.

        metrics: pearson(score, score_value)

    cov(x, t) / (std(x) std(t)), from -1 to 1; NaN where either is constant.

    Source: Pearson, "Note on regression and inheritance in the case of two parents" (1895).
    """

    name: ClassVar[str] = "pearson"
    higher_is_better: ClassVar[bool] = True
