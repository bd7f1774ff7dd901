"""Recall."""

from __future__ import annotations

from dlc.compiler.components.metrics.recall import Recall
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array


class RecallMeasure(AveragedMeasure[Recall]):
    """TP / (TP + FN)."""

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return right, true
