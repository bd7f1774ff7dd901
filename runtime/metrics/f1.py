"""The F1 score."""

from __future__ import annotations

from dlc.compiler.components.metrics.f1 import F1
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array


class F1Measure(AveragedMeasure[F1]):
    """2 TP / (2 TP + FP + FN)."""

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return 2 * right, said + true
