"""The logarithm in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.log import Log
from dlc.runtime.data.steps.base import Array, Statistics, Step


class LogStep(Step[Log]):
    def apply(self, step: Log, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32)
        if step.offset != 0.0:
            values = values + np.float32(step.offset)
        logarithm: Array = np.log(values)
        return logarithm
