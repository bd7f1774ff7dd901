"""What the metrics of predicted numbers share."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.metrics._pairwise import PairwiseMetric
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class VariationMetric(PairwiseMetric):
    """A figure of how predictions vary with what is true.

    Of outputs `[N, k]` with k known it is the mean of the figures of the k columns; of others
    the one figure of all numbers. A target of NaN is missing and does not count.

    Arguments:
        input: the output that predicts
        target: what it should be, of the same shape
    """

    def columns(self, types: Mapping[str, TensorType]) -> int:
        """How many figures are averaged."""
        shape = types[self.input].shape
        size = shape[1] if len(shape) == 2 else 1
        return size if isinstance(size, int) else 1
