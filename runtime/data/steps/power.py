"""Powers in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.power import Power
from dlc.runtime.data.steps.base import Array, Statistics, Step


class PowerStep(Step[Power]):
    def apply(self, step: Power, values: Array, statistics: Statistics) -> Array:
        power: Array = np.power(values.astype(np.float32), np.float32(step.exponent))
        return power
