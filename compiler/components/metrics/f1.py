"""The F1 score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, TargetName
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class F1(Metric):
    """The harmonic mean of precision and recall.

        metrics: f1(logits, label, average=macro)

    For each class 2 TP / (2 TP + FP + FN).

    Arguments:
        input: the scores; the classes are the second dim, or the last
        target: the class numbers, from 0
        average: `macro` is the mean over classes, `weighted` that by their frequency, `micro`
            counts all answers together
        ignore_index: the class number that does not count

    Source: van Rijsbergen, "Information Retrieval" (1979).
    """

    name: ClassVar[str] = "f1"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = "`f1` is not computed yet: use `accuracy`"

    input: OutputName
    target: TargetName
    average: Literal["macro", "micro", "weighted"] = "macro"
    ignore_index: int = -100

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        pair.several_classes(pair.class_dim())
