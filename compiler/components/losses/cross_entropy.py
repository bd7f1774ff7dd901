"""Cross entropy over logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Fraction
from dlc.compiler.components.comparison import check_weights
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.text import literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class CrossEntropy(ClassLoss):
    """The cross entropy of classes of which exactly one is right.

        loss: cross_entropy(logits, label, label_smoothing=0.1)

    The mean of -log softmax(x)[t]. The loss applies the softmax itself: give it the plain
    result of a linear layer. `logits` of [N, C] go with a `label` of int[N]; of
    [N, C, H, W] with int[N, H, W]; of [N, T, C] with int[N, T], the classes being the second
    dim where that fits, else the last. A float target of the shape of the logits holds
    the probability of each class.

    Arguments:
        input: the logits; the classes are the second dim, or the last
        target: the class numbers, from 0; or a float probability for each class
        weight: a factor for each class; the mean is weighted too. `balanced` are those that undo
            the imbalance of the training part, rows / (classes * rows of the class)
        ignore_index: the class number that does not count
        label_smoothing: the share of a target that is spread evenly over all classes

    Source: torch.nn.functional.cross_entropy; Szegedy et al., "Rethinking the Inception
    architecture" (2016), for the smoothing.
    """

    name: ClassVar[str] = "cross_entropy"
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = "softmax"

    label_smoothing: Fraction = 0.0

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = self.pair(types)
        if not pair.t.dtype.is_float or pair.t.rank != pair.x.rank or pair.x.rank < 2:
            super().check(types)
            return
        pair.float_input()
        pair.same_shape()
        check_weights(self.name, self.factors, pair.several_classes(1))

    def _keywords(self, x: str) -> dict[str, str]:
        keywords = super()._keywords(x)
        if self.label_smoothing != 0.0:
            keywords["label_smoothing"] = literal(self.label_smoothing)
        return keywords
