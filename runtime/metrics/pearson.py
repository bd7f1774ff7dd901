"""Pearson's correlation."""

from __future__ import annotations

from dlc.compiler.components.metrics.pearson import Pearson
from dlc.runtime.metrics._moments import MomentsMeasure, correlation
from dlc.runtime.metrics.base import Array, State


class PearsonMeasure(MomentsMeasure[Pearson]):
    """cov(x, t) / (std(x) std(t))."""

    def value(self, moments: State) -> Array:
        return correlation(moments)
