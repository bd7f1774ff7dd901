"""Top-k accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class TopKAccuracy(AnswerMetric):
    """The share of samples whose class is among the k greatest scores.

        metrics: top_k_accuracy(logits, label, k=5)

    Of equal scores the lower class number counts as the greater one, as in `accuracy`.

    Arguments:
        k: how many answers a sample has

    Source: Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015).
    """

    name: ClassVar[str] = "top_k_accuracy"

    k: Positive = 5

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = self.pair(types)
        classes = pair.several_classes(pair.class_dim())
        if isinstance(classes, int) and self.k >= classes:
            raise ComponentError(
                "E0302",
                f"`{self.input}` has {classes} classes: all are among the {self.k} greatest",
                blame="k",
                help=f"give a `k` below {classes}",
            )
