"""What the metrics over all thresholds share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeVar

import numpy as np

from dlc.compiler.components.metrics._ranking import RankingMetric
from dlc.runtime.metrics._classes import by_class, log_softmax
from dlc.runtime.metrics._counts import by_label
from dlc.runtime.metrics.base import Array, Figure, Measure, State, Types

_M = TypeVar("_M", bound=RankingMetric)

# A truth that does not count.
_MISSING = -1


class RankingMeasure(Measure[_M]):
    """All scores as the network gave them, `[samples, classes or labels]`, and the truths: class
    numbers `[samples]`, or 0, 1 and -1 for each label.

    Scores are not rounded to buckets, nor squashed: float32 sigmoids of 20 and of 30 are one
    number, and samples that the model tells apart would be ties.
    """

    lists: ClassVar[frozenset[str]] = frozenset({"scores", "truth"})

    def value(self, scores: Array, positive: Array) -> float:
        """The figure of one class: the scores, and who is of it. At least one sample."""
        raise NotImplementedError

    def observe(self, metric: _M, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        if dim is not None:
            scores, target = by_class(metric, dim, values)
            return {"scores": scores, "truth": target}
        scores, truth, counts = by_label(metric, values, types)
        return {"scores": scores, "truth": np.where(counts, truth, _MISSING).astype(np.int8)}

    def figure(self, metric: _M, state: State, types: Types) -> Figure:
        classes = list(self._classes(metric, state))
        if metric.average == "micro" and len(classes) > 1:
            scores = np.concatenate([scores for scores, _ in classes])
            return self._safe(scores, np.concatenate([positive for _, positive in classes]))
        figures = np.asarray([self._safe(*one) for one in classes])
        if len(figures) == 1:
            return float(figures[0])
        if metric.average == "none":
            return figures
        weights = np.asarray([float(positive.sum()) for _, positive in classes])
        if metric.average == "macro":
            weights = np.ones_like(weights)
        known = ~np.isnan(figures)
        if any(np.isnan(scores).any() for scores, _ in classes) or not weights[known].sum():
            return float("nan")
        return float(np.average(figures[known], weights=weights[known]))

    def _classes(self, metric: _M, state: State) -> Iterator[tuple[Array, Array]]:
        """For each class or label the scores that count, and which samples are of it."""
        scores, truth = state["scores"], state["truth"]
        if truth.ndim > 1:
            for column, yes in zip(scores.T, truth.T, strict=True):
                counts = yes != _MISSING
                yield column[counts], yes[counts] == 1
            return
        if metric.from_logits:
            scores = log_softmax(scores)
        for number, column in enumerate(scores.T):
            yield column, truth == number

    def _safe(self, scores: Array, positive: Array) -> float:
        if not len(scores) or np.isnan(scores).any():
            return float("nan")
        return self.value(scores, positive)


def ranks(values: Array) -> Array:
    """The place of each value in ascending order, from 1; of ties the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Array = (last - (counts - 1) / 2)[inverse]
    return means
