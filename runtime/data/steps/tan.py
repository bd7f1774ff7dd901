"""The tangent in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.tan import Tan
from dlc.runtime.data.steps.base import Array, Statistics, Step


class TanStep(Step[Tan]):
    def apply(self, step: Tan, values: Array, statistics: Statistics) -> Array:
        tangent: Array = np.tan(values.astype(np.float32))
        return tangent
