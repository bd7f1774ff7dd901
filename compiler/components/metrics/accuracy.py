"""Accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import OutputName, TargetName
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Accuracy(Metric):
    """The share of right answers.

        metrics: accuracy(logits, label)

    The answer is the class of the greatest score, the classes being where `cross_entropy`
    sees them. Where both sides have one shape, each number is a yes-or-no answer of its own:
    yes where the score is above `threshold`.

    Arguments:
        input: the scores
        target: the class numbers, or 0 and 1 for yes-or-no answers
        ignore_index: the class number that does not count
        threshold: the score above which an answer is yes; 0 for logits, 0.5 for probabilities
    """

    name: ClassVar[str] = "accuracy"

    input: OutputName
    target: TargetName
    ignore_index: int = -100
    threshold: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def class_dim(self, types: Mapping[str, TensorType]) -> int | None:
        """Where the classes are; None for yes-or-no answers. Raises `ComponentError`."""
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        if pair.t.dtype.is_int and pair.t.rank != pair.x.rank:
            return pair.class_dim()
        if pair.x.rank > 1 and pair.t.dtype.is_int and pair.x.shape != pair.t.shape:
            return pair.class_dim()
        pair.float_input()
        if pair.t.dtype.value != "bool":
            pair.numeric_target()
        pair.same_shape()
        return None

    def check(self, types: Mapping[str, TensorType]) -> None:
        dim = self.class_dim(types)
        if dim is not None:
            pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
            pair.several_classes(dim)
