"""What the metrics over all thresholds share."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.base import keyword
from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.compiler.components.metrics._averaged import Average
from dlc.compiler.components.metrics.base import Gives
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class RankingMetric(AnswerMetric):
    """How well scores order the samples, for each class against the rest, averaged.

    Exact for any number of samples, ties included: all scores are kept until the end, four
    bytes for each score of a validation. Monotone changes of the scores change nothing.

    Arguments:
        average: `macro` is the mean over classes, those without a yes or without a no left
            out; `weighted` the mean by how often each is true; `micro` ranks all answers
            together; `none` gives a figure for each class, under its name
        from_logits: whether the scores of classes are logits or log-probabilities, which a
            softmax makes probabilities; false where they are probabilities already
    """

    average: Average = "macro"
    from_logits: bool = keyword(True)

    def gives(self, types: Mapping[str, TensorType]) -> Gives:
        single = self.class_dim(types) is None and self.labels(types) == 1
        return "classes" if self.average == "none" and not single else "figure"
