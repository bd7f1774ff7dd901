"""Cropping round the middle in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.runtime.data.steps.base import Array, Statistics, Step


class CenterCropStep(Step[CenterCrop]):
    def apply(self, step: CenterCrop, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32, copy=False)
        sides = values.shape[2], values.shape[3]
        top, left = step.corner(*sides)
        wide = np.pad(values, ((0, 0), (0, 0), *step.borders(*sides)))
        return wide[:, :, top : top + step.size[0], left : left + step.size[1]]
