"""Average precision."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.average_precision import AveragePrecision
from dlc.runtime.metrics._ranking import RankingMeasure
from dlc.runtime.metrics.base import Array


class AveragePrecisionMeasure(RankingMeasure[AveragePrecision]):
    """The precision at each threshold, weighed by the recall that it adds."""

    def value(self, scores: Array, positive: Array) -> float:
        if not positive.any():
            return float("nan")
        order = np.argsort(-scores, kind="stable")
        found = np.cumsum(positive[order])
        # A threshold takes all samples of one score at once.
        last = np.append(np.diff(scores[order]) != 0, True)
        at = np.flatnonzero(last)
        precision = found[at] / (at + 1)
        return float((np.diff(found[at], prepend=0) * precision).sum() / found[-1])
