"""The root of the mean squared error."""

from __future__ import annotations

import math

from dlc.compiler.components.metrics.rmse import Rmse
from dlc.runtime.metrics._pairwise import PairwiseMeasure
from dlc.runtime.metrics.base import Array, State, Types


class RmseMeasure(PairwiseMeasure[Rmse]):
    """sqrt(mean((x - t)^2)): the root is taken once, of all."""

    def distance(self, difference: Array) -> Array:
        squared: Array = difference**2
        return squared

    def figure(self, metric: Rmse, state: State, types: Types) -> float:
        return math.sqrt(super().figure(metric, state, types))
