"""How `l1_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class L1LossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        result: Array = np.abs(x - t)
        return result
