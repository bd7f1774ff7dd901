"""How `kl_div` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.kl_div import KlDiv
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types


class KlDivMeasure(MeanLoss[KlDiv]):
    def part(self, loss: KlDiv, values: Mapping[str, Array], types: Types) -> tuple[float, float]:
        x, t = wide(values, loss.input, loss.target)
        if loss.log_target:
            found = np.exp(t) * (t - x)
        else:
            # A class of probability 0 adds nothing, whatever its logarithm.
            logs = np.log(np.where(t > 0, t, 1.0))
            found = np.where(t > 0, t * (logs - x), 0.0)
        return float(found.sum()), float(len(x))
