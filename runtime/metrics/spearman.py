"""Spearman's rank correlation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from dlc.compiler.components.metrics.spearman import Spearman
from dlc.runtime.metrics._moments import columns, correlation, moments
from dlc.runtime.metrics._ranking import ranks
from dlc.runtime.metrics.base import Array, Measure, State, Types


class SpearmanMeasure(Measure[Spearman]):
    """All predictions and truths, `[numbers, columns]`; Pearson's correlation of their ranks."""

    lists: ClassVar[frozenset[str]] = frozenset({"x", "t"})

    def observe(self, metric: Spearman, values: Mapping[str, Array], types: Types) -> State:
        x, t = columns(metric, values, types)
        # Ranks of float32 are those of the same numbers in float64.
        return {"x": x.astype(values[metric.input].dtype), "t": t}

    def figure(self, metric: Spearman, state: State, types: Types) -> float:
        return float(
            np.mean([_column(x, t) for x, t in zip(state["x"].T, state["t"].T, strict=True)])
        )


def _column(x: Array, t: Array) -> float:
    counts = ~np.isnan(t)
    x, t = x[counts], t[counts]
    if len(x) < 2 or np.isnan(x).any():
        return float("nan")
    found = moments(ranks(x)[:, None], ranks(t)[:, None], np.ones((len(x), 1), bool))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(correlation(found)[0])
