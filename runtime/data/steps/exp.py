"""The exponential in numpy."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing.exp import Exp
from dlc.runtime.data.steps.base import Array, Statistics, Step


class ExpStep(Step[Exp]):
    def apply(self, step: Exp, values: Array, statistics: Statistics) -> Array:
        exponential: Array = np.exp(values.astype(np.float32))
        return exponential
