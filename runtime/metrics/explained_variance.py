"""Explained variance."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.explained_variance import ExplainedVariance
from dlc.runtime.metrics._moments import MomentsMeasure
from dlc.runtime.metrics.base import Array, State


class ExplainedVarianceMeasure(MomentsMeasure[ExplainedVariance]):
    """1 - var(x - t) / var(t), from the moments of x - t and t."""

    def series(self, x: Array, t: Array) -> tuple[Array, Array]:
        return x - t, t

    def value(self, moments: State) -> Array:
        missed = moments["squares_a"]
        constant = np.where(missed == 0, 1.0, 0.0 * missed)
        return np.where(moments["squares_b"] == 0, constant, 1 - missed / moments["squares_b"])
