"""Spearman's rank correlation."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._regression import VariationMetric
from dlc.compiler.record import component


@component
class Spearman(VariationMetric):
    """Spearman's rank correlation of predictions and truth.

        metrics: spearman(score, score_value)

    Pearson's correlation of the ranks, ties having the mean of theirs; NaN where either is
    constant. All numbers are kept until the end: eight bytes for each prediction.

    Source: Spearman, "The proof and measurement of association between two things" (1904).
    """

    name: ClassVar[str] = "spearman"
    higher_is_better: ClassVar[bool] = True
