"""How `multilabel_soft_margin_loss` is measured."""

from __future__ import annotations

from typing import Any

from dlc.runtime.losses.base import PairwiseMean, softplus
from dlc.runtime.metrics.base import Array


class MultilabelSoftMarginLossMeasure(PairwiseMean):
    def of(self, loss: Any, x: Array, t: Array) -> Array:
        result: Array = (1 - t) * x + softplus(-x)
        return result
