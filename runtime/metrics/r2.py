"""The coefficient of determination."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.r2 import R2
from dlc.runtime.metrics._moments import MomentsMeasure
from dlc.runtime.metrics.base import Array, State


class R2Measure(MomentsMeasure[R2]):
    """1 - sum((x - t)^2) / sum((t - mean(t))^2), from the moments of x - t and t."""

    def series(self, x: Array, t: Array) -> tuple[Array, Array]:
        return x - t, t

    def value(self, moments: State) -> Array:
        missed = moments["squares_a"] + moments["count"] * moments["mean_a"] ** 2
        constant = np.where(missed == 0, 1.0, 0.0 * missed)
        return np.where(moments["squares_b"] == 0, constant, 1 - missed / moments["squares_b"])
