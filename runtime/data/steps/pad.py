"""Borders in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.pad import Pad
from dlc.runtime.data.steps.base import Array, BadSample, Statistics, Step


class PadStep(Step[Pad]):
    def apply(self, step: Pad, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32, copy=False)
        left, top, right, bottom = step.borders
        borders = ((0, 0), (0, 0), (top, bottom), (left, right))
        if step.mode == "constant":
            return np.pad(values, borders, constant_values=np.float32(step.fill))
        if step.mode == "edge":
            return np.pad(values, borders, mode="edge")
        if max(top, bottom) >= values.shape[2] or max(left, right) >= values.shape[3]:
            raise BadSample(
                0,
                f"the border of `pad` reaches beyond the mirror image of a picture of "
                f"{values.shape[2]} x {values.shape[3]}",
                help="give a smaller border, or another `mode`",
            )
        return np.pad(values, borders, mode="reflect")
