"""Top-k accuracy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.metrics.top_k_accuracy import TopKAccuracy
from dlc.runtime.metrics._classes import by_class
from dlc.runtime.metrics.base import Array, Measure, State, Types, quotient


class TopKAccuracyMeasure(Measure[TopKAccuracy]):
    """Samples whose class has fewer than k better ones, over samples."""

    def observe(self, metric: TopKAccuracy, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        assert dim is not None
        scores, target = by_class(metric, dim, values)
        own = np.take_along_axis(scores, target[:, None].astype(np.int64), axis=-1)
        # Not `scores > own`: a score of NaN must not make an answer right.
        better = ~(scores <= own)
        tied_before = (scores == own) & (np.arange(scores.shape[-1]) < target[:, None])
        right = (better | tied_before).sum(axis=-1) < metric.k
        return {"right": right.sum(), "count": np.asarray(right.size)}

    def figure(self, metric: TopKAccuracy, state: State, types: Types) -> float:
        return quotient(float(state["right"]), float(state["count"]))
