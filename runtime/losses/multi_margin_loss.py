"""How `multi_margin_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.multi_margin_loss import MultiMarginLoss
from dlc.runtime.losses._weights import factors_of
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics._classes import refuse_outside
from dlc.runtime.metrics.base import Array, Types


class MultiMarginLossMeasure(MeanLoss[MultiMarginLoss]):
    def part(
        self, loss: MultiMarginLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        x, t = values[loss.input].astype(np.float64), values[loss.target]
        rows, classes = np.arange(len(x)), x.shape[1]
        refuse_outside(loss, t, classes)
        short = np.maximum(loss.margin - x[rows, t][:, None] + x, 0.0) ** loss.p
        short[rows, t] = 0.0
        weights = factors_of(loss.weight, classes)[t]
        return float((weights * short.sum(1)).sum() / classes), float(len(x))
