"""What the metrics that compare scores with class numbers, or with yes and no, share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Self

from dlc.compiler.components.arguments import OutputName, TargetName
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.comparison import IGNORED, Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class AnswerMetric(Metric):
    """A metric of answers: of classes, or of yes and no.

    A target of class numbers asks for one class of several: the greatest score is the answer.
    Where both sides have one shape, each number is a yes-or-no answer of its own, and the
    second dim, where its size is known and above 1, counts labels: `[N, 6]` is six questions.

    Arguments:
        input: the scores
        target: the class numbers, or 0 and 1 for yes-or-no answers; NaN is a missing answer
        ignore_index: the class number that does not count, as if it were no class; where absent,
            that of the loss of the same target, else -100
    """

    input: OutputName
    target: TargetName
    ignore_index: int | None = keyword(None)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    @property
    def ignored(self) -> int:
        """The class number that does not count."""
        return IGNORED if self.ignore_index is None else self.ignore_index

    def following(self, losses: Iterable[Loss]) -> Self:
        """The metric, which leaves out what the loss of its target leaves out."""
        if self.ignore_index is not None:
            return self
        for loss in losses:
            index = getattr(loss, "ignore_index", None)
            if index is not None and self.target in loss.names:
                return replace(self, ignore_index=index)
        return self

    def pair(self, types: Mapping[str, TensorType]) -> Pair:
        return Pair(self.name, self.input, types[self.input], self.target, types[self.target])

    def class_dim(self, types: Mapping[str, TensorType]) -> int | None:
        """Where the classes are; None for yes-or-no answers. Raises `ComponentError`."""
        pair = self.pair(types)
        if pair.t.dtype.is_int and pair.t.rank != pair.x.rank:
            return pair.class_dim()
        if pair.x.rank > 1 and pair.t.dtype.is_int and pair.x.shape != pair.t.shape:
            return pair.class_dim()
        pair.float_input()
        if pair.t.dtype.value != "bool":
            pair.numeric_target()
        pair.same_shape()
        return None

    def labels(self, types: Mapping[str, TensorType]) -> int:
        """How many yes-or-no questions are asked of a sample; 1 also where all are one kind."""
        shape = types[self.input].shape
        size = shape[1] if len(shape) > 1 else 1
        return size if isinstance(size, int) else 1

    def check(self, types: Mapping[str, TensorType]) -> None:
        dim = self.class_dim(types)
        if dim is not None:
            self.pair(types).several_classes(dim)

    def one_question(self, types: Mapping[str, TensorType]) -> None:
        """Raises `ComponentError` E0402 where several yes-or-no questions are asked."""
        if self.class_dim(types) is None and self.labels(types) > 1:
            raise ComponentError(
                "E0402",
                f"`{self.name}` compares one answer with one truth, and `{self.input}`, "
                f"{types[self.input]}, gives {self.labels(types)} yes-or-no answers a sample",
                blame="input",
                help="for several labels use `precision` and `recall` with `average=none`",
            )


@component
class ThresholdMetric(AnswerMetric):
    """A metric that reads a yes or no from each score.

    Arguments:
        threshold: the score above which an answer is yes; 0 for logits, 0.5 for probabilities
    """

    threshold: float = keyword(0.0)
