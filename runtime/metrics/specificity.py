"""Specificity."""

from __future__ import annotations

from dlc.compiler.components.metrics.specificity import Specificity
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array


class SpecificityMeasure(AveragedMeasure[Specificity]):
    """TN / (TN + FP)."""

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return total - said - true + right, total - true
