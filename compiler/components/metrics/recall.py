"""Recall."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.compiler.record import component


@component
class Recall(AveragedMetric):
    """The share of what is true that was said.

        metrics: recall(logits, label)

    For each class TP / (TP + FN); 0 where it is never true. With `average=macro` also known
    as balanced accuracy; of yes-or-no answers as sensitivity.
    """

    name: ClassVar[str] = "recall"
