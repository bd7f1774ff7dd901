"""What the metrics of variation share: means and sums of squares that merge exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from dlc.compiler.components.metrics._regression import VariationMetric
from dlc.runtime.metrics.base import Array, Measure, State, Types

_M = TypeVar("_M", bound=VariationMetric)


class MomentsMeasure(Measure[_M]):
    """`count`, the means and the summed squared deviations of two series, `a` and `b`, and the
    sum of the products of their deviations, each `[columns]`.

    Deviations from the mean rather than sums of squares: those lose all digits where the mean
    is large against the deviation, such as years or prices.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances" (1979).
    """

    def series(self, x: Array, t: Array) -> tuple[Array, Array]:
        """The two series of predictions and truth."""
        return x, t

    def value(self, moments: State) -> Array:
        """The figure of each column."""
        raise NotImplementedError

    def observe(self, metric: _M, values: Mapping[str, Array], types: Types) -> State:
        x, t = columns(metric, values, types)
        return moments(*self.series(x, t), ~np.isnan(t))

    def merge(self, states: Sequence[State]) -> State:
        full = [state for state in states if state]
        found = full[0]
        for other in full[1:]:
            found = _joined(found, other)
        return found

    def figure(self, metric: _M, state: State, types: Types) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(state["count"] > 1, self.value(state), np.nan).mean())


def moments(a: Array, b: Array, counts: Array) -> State:
    """The state of two series `[numbers, columns]`, of the numbers that count."""
    count = counts.sum(axis=0)
    least = np.maximum(count, 1)
    a, b = np.where(counts, a, 0.0), np.where(counts, b, 0.0)
    mean_a, mean_b = a.sum(axis=0) / least, b.sum(axis=0) / least
    off_a, off_b = np.where(counts, a - mean_a, 0.0), np.where(counts, b - mean_b, 0.0)
    return {
        "count": count,
        "mean_a": mean_a,
        "mean_b": mean_b,
        "squares_a": (off_a**2).sum(axis=0),
        "squares_b": (off_b**2).sum(axis=0),
        "products": (off_a * off_b).sum(axis=0),
    }


def correlation(state: State) -> Array:
    """Pearson's correlation of each column; NaN where a series is constant."""
    spread = np.sqrt(state["squares_a"]) * np.sqrt(state["squares_b"])
    found: Array = np.clip(state["products"] / np.where(spread > 0, spread, np.nan), -1, 1)
    return found


def columns(
    metric: VariationMetric, values: Mapping[str, Array], types: Types
) -> tuple[Array, Array]:
    """Predictions and truth, `[numbers, columns]` in float64."""
    shape = (-1, metric.columns(types))
    return (
        values[metric.input].astype(np.float64).reshape(shape),
        values[metric.target].astype(np.float64).reshape(shape),
    )


def _joined(one: State, other: State) -> State:
    count = one["count"] + other["count"]
    least = np.maximum(count, 1)
    share = other["count"] / least
    apart_a, apart_b = other["mean_a"] - one["mean_a"], other["mean_b"] - one["mean_b"]
    both = one["count"] * share
    return {
        "count": count,
        "mean_a": one["mean_a"] + apart_a * share,
        "mean_b": one["mean_b"] + apart_b * share,
        "squares_a": one["squares_a"] + other["squares_a"] + apart_a**2 * both,
        "squares_b": one["squares_b"] + other["squares_b"] + apart_b**2 * both,
        "products": one["products"] + other["products"] + apart_a * apart_b * both,
    }
