"""The F1 score."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.compiler.record import component


@component
class F1(AveragedMetric):
    """The harmonic mean of precision and recall.

        metrics: f1(logits, label, average=macro)

    For each class 2 TP / (2 TP + FP + FN), which of masks is also known as the Dice
    coefficient; 0 where the class is neither true nor said.

    Source: van Rijsbergen, "Information Retrieval" (1979); Dice, "Measures of the amount of
    ecologic association between species" (1945).
    """

    name: ClassVar[str] = "f1"
