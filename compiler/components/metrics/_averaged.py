"""What the metrics that give a figure for each class, and average it, share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from dlc.compiler.components.metrics._answers import ThresholdMetric
from dlc.compiler.components.metrics.base import Gives
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component

Average: TypeAlias = Literal["macro", "micro", "weighted", "none"]


@component
class AveragedMetric(ThresholdMetric):
    """A figure for each class or label, averaged. One yes-or-no question needs no average: its
    figure is that of the answer yes.

    Arguments:
        average: `macro` is the mean over classes, those that are neither true nor said left
            out; `weighted` the mean by how often each is true; `micro` counts all answers
            together; `none` gives a figure for each class, under its name
    """

    average: Average = "macro"

    def gives(self, types: Mapping[str, TensorType]) -> Gives:
        single = self.class_dim(types) is None and self.labels(types) == 1
        return "classes" if self.average == "none" and not single else "figure"
