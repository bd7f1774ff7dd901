"""Resizing in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.resize import Resize
from dlc.runtime.data.steps._images import resized
from dlc.runtime.data.steps.base import Array, Statistics, Step


class ResizeStep(Step[Resize]):
    def apply(self, step: Resize, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32, copy=False)
        return resized(values, *step.target(*values.shape[2:]))
