"""How `poisson_nll_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class PoissonNllLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        result: Array = np.exp(x) - t * x if loss.log_input else x - t * np.log(x + loss.eps)
        if loss.full:
            large = np.maximum(t, 1.0)
            stirling = large * np.log(large) - large + 0.5 * np.log(2 * np.pi * large)
            result = result + np.where(t > 1, stirling, 0.0)
        return result
