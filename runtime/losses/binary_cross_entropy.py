"""How `binary_cross_entropy` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class BinaryCrossEntropyMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        with np.errstate(divide="ignore"):
            # torch bounds the logarithms so.
            yes, no = np.maximum(np.log(x), -100.0), np.maximum(np.log1p(-x), -100.0)
        result: Array = -(t * yes + (1 - t) * no)
        return result
