"""How `margin_ranking_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.margin_ranking_loss import MarginRankingLoss
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types


class MarginRankingLossMeasure(MeanLoss[MarginRankingLoss]):
    def part(
        self, loss: MarginRankingLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        a, b, t = wide(values, loss.input1, loss.input2, loss.target)
        found = np.maximum(-t * (a - b) + loss.margin, 0.0)
        return float(found.sum()), float(found.size)
