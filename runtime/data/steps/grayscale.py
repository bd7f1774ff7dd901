"""Gray from colours in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.grayscale import LIGHT, Grayscale
from dlc.runtime.data.steps.base import Array, Statistics, Step


class GrayscaleStep(Step[Grayscale]):
    def apply(self, step: Grayscale, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32, copy=False)
        if values.shape[1] != 1:
            light = np.asarray(LIGHT, np.float32).reshape(1, 3, 1, 1)
            values = (values * light).sum(axis=1, keepdims=True)
        return values if step.channels == 1 else np.repeat(values, 3, axis=1)
