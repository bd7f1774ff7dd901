"""The confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dlc.compiler.components.metrics._answers import ThresholdMetric
from dlc.compiler.components.metrics._matrix import refuse_many
from dlc.compiler.components.metrics.base import Gives
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class ConfusionMatrix(ThresholdMetric):
    """How often each class was taken for each other.

        metrics: confusion_matrix(logits, label)

    Counts of samples: a row for each true class, a column for each answer. `dlc evaluate` shows
    it with the names of the classes; `summary.json` and `--format json` hold it as
    `{"labels": [...], "counts": [[...]]}`, and `metrics.jsonl`, a line for each validation,
    leaves it out. It is no figure, so nothing can monitor it.
    """

    name: ClassVar[str] = "confusion_matrix"

    def gives(self, types: Mapping[str, TensorType]) -> Gives:
        return "matrix"

    def check(self, types: Mapping[str, TensorType]) -> None:
        super().check(types)
        self.one_question(types)
        refuse_many(self, types)
