"""How `hinge_embedding_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses.base import PairwiseMean
from dlc.runtime.metrics.base import Array


class HingeEmbeddingLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        # torch counts a target that is neither for both.
        apart = np.maximum(loss.margin - x, 0.0)
        result: Array = np.where(t == 1, x, 0.0) + np.where(t == -1, apart, 0.0)
        return result
