"""How `binary_cross_entropy_with_logits` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean, softplus
from dlc.runtime.metrics.base import Array


class BinaryCrossEntropyWithLogitsMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        factor = 1.0 if loss.factors is None else np.asarray(loss.factors, np.float64)
        result: Array = (1 - t) * x + (1 + (factor - 1) * t) * softplus(-x)
        return result
