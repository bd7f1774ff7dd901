"""Precision."""

from __future__ import annotations

from dlc.compiler.components.metrics.precision import Precision
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array


class PrecisionMeasure(AveragedMeasure[Precision]):
    """TP / (TP + FP)."""

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return right, said
