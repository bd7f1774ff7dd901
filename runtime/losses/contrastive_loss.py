"""How `contrastive_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.contrastive_loss import ContrastiveLoss
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types

# What torch's pairwise_distance adds to each difference.
_EPSILON = 1e-6


class ContrastiveLossMeasure(MeanLoss[ContrastiveLoss]):
    def part(
        self, loss: ContrastiveLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        a, b, alike = wide(values, loss.input1, loss.input2, loss.target)
        d = np.sqrt(((a - b + _EPSILON) ** 2).sum(1))
        apart = np.maximum(loss.margin - d, 0.0) ** 2
        found = 0.5 * (alike * d**2 + (1 - alike) * apart)
        return float(found.sum()), float(len(found))
