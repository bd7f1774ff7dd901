"""How `smooth_l1_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class SmoothL1LossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        d: Array = np.abs(x - t)
        if loss.beta == 0:
            return d
        result: Array = np.where(d < loss.beta, 0.5 * d**2 / loss.beta, d - 0.5 * loss.beta)
        return result
