"""How `cosine_embedding_loss` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.cosine_embedding_loss import CosineEmbeddingLoss
from dlc.runtime.losses.base import MeanLoss, wide
from dlc.runtime.metrics.base import Array, Types

# What torch adds to squared lengths.
_EPSILON = 1e-12


class CosineEmbeddingLossMeasure(MeanLoss[CosineEmbeddingLoss]):
    def part(
        self, loss: CosineEmbeddingLoss, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        a, b, t = wide(values, loss.input1, loss.input2, loss.target)
        lengths = ((a**2).sum(1) + _EPSILON) * ((b**2).sum(1) + _EPSILON)
        cosine = (a * b).sum(1) / np.sqrt(lengths)
        unlike = np.where(t == -1, np.maximum(cosine - loss.margin, 0.0), 0.0)
        found = np.where(t == 1, 1 - cosine, unlike)
        return float(found.sum()), float(len(found))
