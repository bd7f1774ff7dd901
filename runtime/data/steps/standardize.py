"""Mean and deviation of each feature."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.runtime.data.steps._features import moments
from dlc.runtime.data.steps._scaling import Scaling, divisible
from dlc.runtime.data.steps.base import Array, Chunks


class StandardizeStep(Scaling[Standardize]):
    def fit(self, step: Standardize, chunks: Chunks) -> dict[str, Array]:
        found = moments(chunks, step.dim)
        # Equal values have a deviation of rounding errors, which must not be divided by.
        deviation = np.where(found.constant, 0.0, found.deviation)
        return {
            "mean": found.spread(found.mean).astype(np.float32),
            "std": divisible(found.spread(deviation)),
        }
