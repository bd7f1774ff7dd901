"""Cohen's kappa."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.metrics.cohen_kappa import CohenKappa
from dlc.runtime.metrics._matrix import MatrixMeasure
from dlc.runtime.metrics.base import State, Types, quotient


class CohenKappaMeasure(MatrixMeasure[CohenKappa]):
    """One less the cost of what was said, over the cost of what chance would say."""

    def figure(self, metric: CohenKappa, state: State, types: Types) -> float:
        counts = np.asarray(state["counts"], np.float64)
        total = counts.sum()
        if not total:
            return float("nan")
        by_chance = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
        number = np.arange(len(counts))
        distance = np.abs(number[:, None] - number).astype(np.float64)
        power = {"none": 0, "linear": 1, "quadratic": 2}[metric.weights]
        cost = np.where(distance > 0, distance**power, 0.0)
        return 1 - quotient(float((cost * counts).sum()), float((cost * by_chance).sum()))
