"""Given means and deviations in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.normalize import Normalize
from dlc.runtime.data.steps.base import Array, Statistics, Step


class NormalizeStep(Step[Normalize]):
    def apply(self, step: Normalize, values: Array, statistics: Statistics) -> Array:
        mean, std = (
            np.asarray(numbers, np.float32).reshape(shape)
            for numbers, shape in (step.spread(v, values.ndim) for v in (step.mean, step.std))
        )
        found: Array = (values.astype(np.float32) - mean) / std
        return found
