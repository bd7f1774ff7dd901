"""The area under the receiver operating characteristic."""

from __future__ import annotations

from dlc.compiler.components.metrics.auroc import Auroc
from dlc.runtime.metrics._ranking import RankingMeasure, ranks
from dlc.runtime.metrics.base import Array, quotient


class AurocMeasure(RankingMeasure[Auroc]):
    """The share of pairs in order, by the sum of the ranks (Mann and Whitney)."""

    def value(self, scores: Array, positive: Array) -> float:
        yes = int(positive.sum())
        no = len(positive) - yes
        return quotient(float(ranks(scores)[positive].sum()) - yes * (yes + 1) / 2, yes * no)
