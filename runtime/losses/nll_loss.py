"""How `nll_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.runtime.losses._weights import picked
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics.base import Array, Types


class NllLossMeasure(MeanLoss[NllLoss]):
    def part(self, loss: NllLoss, values: Mapping[str, Array], types: Types) -> tuple[float, float]:
        logs, target, factors = picked(loss, values, types, softmax=False)
        weights = factors[target]
        total = -(weights * logs[np.arange(len(target)), target]).sum()
        return float(total), float(weights.sum())
