"""The greatest absolute value of each feature."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.max_abs import MaxAbs
from dlc.runtime.data.steps._features import moments
from dlc.runtime.data.steps._scaling import Scaling, divisible
from dlc.runtime.data.steps.base import Array, Chunks


class MaxAbsStep(Scaling[MaxAbs]):
    def fit(self, step: MaxAbs, chunks: Chunks) -> dict[str, Array]:
        found = moments(chunks, step.dim)
        greatest = np.maximum(np.abs(found.low), np.abs(found.high))
        return {"greatest": divisible(found.spread(greatest))}
