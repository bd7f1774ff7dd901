"""The mean squared error."""

from __future__ import annotations

from dlc.compiler.components.metrics.mse import Mse
from dlc.runtime.metrics._pairwise import PairwiseMeasure
from dlc.runtime.metrics.base import Array


class MseMeasure(PairwiseMeasure[Mse]):
    """mean((x - t)^2)."""

    def distance(self, difference: Array) -> Array:
        squared: Array = difference**2
        return squared
