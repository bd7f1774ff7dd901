"""The area under the receiver operating characteristic."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._ranking import RankingMetric
from dlc.compiler.record import component


@component
class Auroc(RankingMetric):
    """The area under the receiver operating characteristic.

        metrics: auroc(logit, label)

    The chance that a sample of the class has a higher score than one that is not, a tie being
    half. NaN where there is no such pair: a class that no sample has, or all have.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve" (1982).
    """

    name: ClassVar[str] = "auroc"
