"""How `soft_margin_loss` is measured."""

from __future__ import annotations

from typing import Any

from dlc.runtime.losses.base import PairwiseMean, softplus
from dlc.runtime.metrics.base import Array


class SoftMarginLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        result: Array = softplus(-t * x)
        return result
