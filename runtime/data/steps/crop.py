"""Cropping at a place in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.crop import Crop
from dlc.runtime.data.steps.base import Array, BadSample, Statistics, Step


class CropStep(Step[Crop]):
    def apply(self, step: Crop, values: Array, statistics: Statistics) -> Array:
        bottom, right = step.top + step.size[0], step.left + step.size[1]
        if bottom > values.shape[2] or right > values.shape[3]:
            raise BadSample(
                0,
                f"the window of `crop` ends at {bottom} x {right}, and the picture is "
                f"{values.shape[2]} x {values.shape[3]}",
                help="use a smaller window, or `resize` first",
            )
        return values.astype(np.float32, copy=False)[:, :, step.top : bottom, step.left : right]
