"""How `sigmoid_focal_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean, softplus
from dlc.runtime.metrics.base import Array


class SigmoidFocalLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        entropy = (1 - t) * x + softplus(-x)
        wrong = 1 - np.exp(-entropy)
        weight = 1.0 if loss.alpha is None else loss.alpha * t + (1 - loss.alpha) * (1 - t)
        result: Array = weight * wrong**loss.gamma * entropy
        return result
