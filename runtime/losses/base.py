"""What the measures of losses share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from dlc.compiler.components.losses.base import Loss
from dlc.runtime.metrics.base import Array, Measure, State, Types, quotient

_L = TypeVar("_L", bound=Loss)


class MeanLoss(Measure[_L]):
    """A loss that is a sum over the data, divided by another."""

    def part(self, loss: _L, values: Mapping[str, Array], types: Types) -> tuple[float, float]:
        """The sum over one chunk, in float64, and what it is to be divided by."""
        raise NotImplementedError(loss.name)

    def observe(self, metric: _L, values: Mapping[str, Array], types: Types) -> State:
        return {"sums": np.asarray(self.part(metric, values, types), np.float64)}

    def figure(self, metric: _L, state: State, types: Types) -> float:
        return quotient(float(state["sums"][0]), float(state["sums"][1]))


def wide(values: Mapping[str, Array], *names: str) -> list[Array]:
    """Outputs and targets in float64."""
    return [np.asarray(values[name], np.float64) for name in names]


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    result: Array = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)
    return result


class PairwiseMean(MeanLoss[Any]):
    """The mean over all numbers of a function of each pair."""

    def of(self, loss: Any, x: Array, t: Array) -> Array:
        """The loss of each pair of an output and a target."""
        raise NotImplementedError(loss.name)

    def part(self, loss: Any, values: Mapping[str, Array], types: Types) -> tuple[float, float]:
        x, t = wide(values, loss.input, loss.target)
        # A target of NaN is a label that is missing.
        known = ~np.isnan(t)
        found = self.of(loss, x, t)[known]
        return float(found.sum()), float(found.size)
