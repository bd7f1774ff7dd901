from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.runtime.data.steps._features import moments, spread
from dlc.runtime.data.steps.base import Array, Chunks, Statistics, Step


class StandardizeStep(Step[Standardize]):
    def fit(self, step: Standardize, chunks: Chunks) -> dict[str, Array]:
        found = moments(chunks, step.dim)
        # Equal values have a deviation of rounding errors, which must not be divided by.
        deviation = np.where(found.constant, 1.0, found.deviation)
        return {
            "mean": spread(found.mean, step.dim, found.rank).astype(np.float32),
            "std": spread(deviation, step.dim, found.rank).astype(np.float32),
        }

    def apply(self, step: Standardize, values: Array, statistics: Statistics) -> Array:
        centred = values.astype(np.float32) - statistics["mean"]
        standardized: Array = centred / statistics["std"]
        return standardized
