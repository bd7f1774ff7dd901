"""How `huber_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class HuberLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        d = np.abs(x - t)
        result: Array = np.where(d < loss.delta, 0.5 * d**2, loss.delta * (d - 0.5 * loss.delta))
        return result
