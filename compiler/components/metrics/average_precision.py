"""Average precision."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._ranking import RankingMetric
from dlc.compiler.record import component


@component
class AveragePrecision(RankingMetric):
    """The area under the curve of precision over recall.

        metrics: average_precision(logit, label)

    The sum over all thresholds of the precision there times the recall that it adds, without
    interpolation. NaN for a class that no sample has.

    Source: Zhu, "Recall, precision and average precision" (2004); as in scikit-learn.
    """

    name: ClassVar[str] = "average_precision"
