"""How `nt_xent_loss` is measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlc.runtime.losses._in_batches import InBatches
from dlc.runtime.metrics._classes import log_softmax
from dlc.runtime.metrics.base import Array


class NtXentLossMeasure(InBatches):
    def of(self, loss: Any, a: Array, b: Array) -> float:
        z = np.concatenate([a, b])
        cosines = z @ z.T / loss.temperature
        np.fill_diagonal(cosines, -np.inf)
        twins = np.roll(np.arange(len(z)), len(a))
        return float(-log_softmax(cosines)[np.arange(len(z)), twins].mean())
