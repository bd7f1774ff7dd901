"""Scaling in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.scale import Scale
from dlc.runtime.data.steps.base import Array, Statistics, Step


class ScaleStep(Step[Scale]):
    def apply(self, step: Scale, values: Array, statistics: Statistics) -> Array:
        return values.astype(np.float32) * np.float32(step.factor)
