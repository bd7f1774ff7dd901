"""How `focal_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.focal_loss import FocalLoss
from dlc.runtime.losses._weights import picked
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics.base import Array, Types


class FocalLossMeasure(MeanLoss[FocalLoss]):
    def part(
        self, loss: FocalLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        logs, target, factors = picked(loss, values, types, softmax=True)
        right = logs[np.arange(len(target)), target]
        total = (factors[target] * (1 - np.exp(right)) ** loss.gamma * -right).sum()
        return float(total), float(len(target))
