"""Precision."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.compiler.record import component


@component
class Precision(AveragedMetric):
    """The share of what was said that is true.

        metrics: precision(logits, label, average=none)

    For each class TP / (TP + FP); 0 where it was never said.
    """

    name: ClassVar[str] = "precision"
