"""Specificity."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.compiler.record import component


@component
class Specificity(AveragedMetric):
    """The share of what is not true that was not said.

        metrics: specificity(logit, label)

    For each class TN / (TN + FP); 0 where it is always true.
    """

    name: ClassVar[str] = "specificity"
