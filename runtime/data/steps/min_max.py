"""The range of each feature."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.min_max import MinMax
from dlc.runtime.data.steps._features import moments
from dlc.runtime.data.steps._scaling import divisible
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class MinMaxStep(Step[MinMax]):
    def fit(self, step: MinMax, chunks: Chunks) -> dict[str, Array]:
        found = moments(chunks, step.dim)
        return {
            "least": found.spread(found.low).astype(np.float32),
            "range": divisible(found.spread(found.high - found.low)),
        }

    def apply(self, step: MinMax, values: Array, statistics: Statistics) -> Array:
        values = (values.astype(np.float32) - statistics["least"]) / statistics["range"]
        if step.high - step.low != 1.0:
            values = values * np.float32(step.high - step.low)
        if step.low != 0.0:
            values = values + np.float32(step.low)
        return values
