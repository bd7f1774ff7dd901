"""The Matthews correlation coefficient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.metrics._answers import ThresholdMetric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Mcc(ThresholdMetric):
    """The Matthews correlation coefficient of answers and truth.

        metrics: mcc(logits, label)

    1 for right answers, 0 for answers that tell nothing, however the classes are balanced:
    (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)), and its form for several
    classes. 0 where all answers, or all truths, are one class.

    Source: Matthews (1975); Gorodkin, "Comparing two K-category assignments by a K-category
    correlation coefficient" (2004).
    """

    name: ClassVar[str] = "mcc"

    def check(self, types: Mapping[str, TensorType]) -> None:
        super().check(types)
        self.one_question(types)
