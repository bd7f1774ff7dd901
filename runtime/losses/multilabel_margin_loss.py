"""How `multilabel_margin_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.multilabel_margin_loss import MultilabelMarginLoss
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics._classes import refuse_outside
from dlc.runtime.metrics.base import Array, Types


class MultilabelMarginLossMeasure(MeanLoss[MultilabelMarginLoss]):
    def part(
        self, loss: MultilabelMarginLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        x, t = values[loss.input].astype(np.float64), values[loss.target]
        counts = np.cumprod(t >= 0, axis=1).astype(bool)
        refuse_outside(loss, t[counts], x.shape[1])
        rows, _ = np.nonzero(counts)
        right = np.zeros(x.shape, bool)
        right[rows, t[counts]] = True
        # Each right class against each wrong one of its row.
        lead = 1 - x[rows, t[counts]][:, None] + x[rows]
        total = np.maximum(np.where(right[rows], 0.0, lead), 0.0).sum()
        return float(total / x.shape[1]), float(len(x))
