"""How `gaussian_nll_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.gaussian_nll_loss import GaussianNllLoss
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types


class GaussianNllLossMeasure(MeanLoss[GaussianNllLoss]):
    def part(
        self, loss: GaussianNllLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        x, t, var = wide(values, *loss.names)
        var = np.maximum(var, loss.eps)
        found = 0.5 * (np.log(var) + (x - t) ** 2 / var)
        if loss.full:
            found = found + 0.5 * np.log(2 * np.pi)
        return float(found.sum()), float(found.size)
