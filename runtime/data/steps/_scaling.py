"""What the steps share that take a number away from each feature and divide it by another."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from dlc.compiler.components.preprocessing._numbers import ScalingStep
from dlc.runtime.data.steps.base import Array, Statistics, Step

_C = TypeVar("_C", bound=ScalingStep)


class Scaling(Step[_C], Generic[_C]):
    def apply(self, step: _C, values: Array, statistics: Statistics) -> Array:
        values = values.astype(np.float32)
        if step.shift is not None:
            values = values - statistics[step.shift]
        if step.divisor is not None:
            values = values / statistics[step.divisor]
        return values


def divisible(found: Array) -> Array:
    """A divisor as float32, 1 where it is nothing."""
    rounded = found.astype(np.float32)
    return np.where(rounded == 0, np.float32(1), rounded)
