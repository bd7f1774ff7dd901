"""How `triplet_margin_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.triplet_margin_loss import TripletMarginLoss
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types


class TripletMarginLossMeasure(MeanLoss[TripletMarginLoss]):
    def part(
        self, loss: TripletMarginLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        anchor, positive, negative = wide(values, *loss.names)

        def distance(a: Array, b: Array) -> Array:
            found: Array = np.linalg.norm(a - b + loss.eps, ord=loss.p, axis=1)
            return found

        near, far = distance(anchor, positive), distance(anchor, negative)
        if loss.swap:
            far = np.minimum(far, distance(positive, negative))
        found = np.maximum(near - far + loss.margin, 0.0)
        return float(found.sum()), float(len(found))
