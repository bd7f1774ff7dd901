"""How `info_nce_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses._in_batches import InBatches
from dlc.runtime.metrics._classes import log_softmax
from dlc.runtime.metrics.base import Array


class InfoNceLossMeasure(InBatches):
    def of(self, loss: Any, a: Array, b: Array) -> float:
        cosines = a @ b.T / loss.temperature
        rows, columns = (np.diag(log_softmax(side)).mean() for side in (cosines, cosines.T))
        return float(-0.5 * (rows + columns))
