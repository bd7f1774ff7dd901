"""What the metrics that compare number by number share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from dlc.compiler.components.metrics._pairwise import PairwiseMetric
from dlc.runtime.metrics.base import Array, Measure, State, Types, quotient

_M = TypeVar("_M", bound=PairwiseMetric)


class PairwiseMeasure(Measure[_M]):
    """The mean of a distance over all numbers. A target of NaN is missing and does not count."""

    def distance(self, difference: Array) -> Array:
        """The distance for each difference, in float64."""
        raise NotImplementedError

    def observe(self, metric: _M, values: Mapping[str, Array], types: Types) -> State:
        target = values[metric.target].astype(np.float64)
        found = self.distance(values[metric.input].astype(np.float64) - target)
        counts = ~np.isnan(target)
        return {"sum": found[counts].sum(), "count": counts.sum()}

    def figure(self, metric: _M, state: State, types: Types) -> float:
        return quotient(float(state["sum"]), float(state["count"]))
