"""Median and quantiles of each feature."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.robust import Robust
from dlc.runtime.data.steps._features import spread
from dlc.runtime.data.steps._quantiles import quantiles
from dlc.runtime.data.steps._scaling import Scaling, divisible
from dlc.runtime.data.steps.base import Array, Chunks


class RobustStep(Scaling[Robust]):
    def fit(self, step: Robust, chunks: Chunks) -> dict[str, Array]:
        (low, median, high), rank = quantiles(chunks, step.dim, (step.low, 0.5, step.high))
        return {
            "median": spread(median, step.dim, rank).astype(np.float32),
            "range": divisible(spread(high - low, step.dim, rank)),
        }
