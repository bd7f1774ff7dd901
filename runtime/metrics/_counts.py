"""What the metrics that count answers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

import numpy as np

from dlc.compiler.components.metrics._answers import AnswerMetric, ThresholdMetric
from dlc.compiler.components.metrics._averaged import AveragedMetric
from dlc.runtime.metrics._classes import by_class
from dlc.runtime.metrics.base import Array, Figure, Measure, State, Types

_T = TypeVar("_T", bound=ThresholdMetric)
_M = TypeVar("_M", bound=AveragedMetric)


def by_label(
    metric: AnswerMetric, values: Mapping[str, Array], types: Types
) -> tuple[Array, Array, Array]:
    """Scores, truth and what counts, each `[samples, labels]`."""
    scores, target = values[metric.input], values[metric.target]
    counts = np.ones(target.shape, bool)
    if target.dtype.kind in "iu":
        counts = target != metric.ignored
    elif target.dtype.kind == "f":
        counts = ~np.isnan(target)
    sides = (scores, target > 0.5, counts)
    labels = metric.labels(types)
    if labels == 1:
        first, second, third = (side.reshape(-1, 1) for side in sides)
    else:
        first, second, third = (np.moveaxis(s, 1, -1).reshape(-1, labels) for s in sides)
    return first, second, third


class CountsMeasure(Measure[_T]):
    """Counts for each class, or for each yes-or-no label, that do not grow with the data.

    Arrays `[classes]`: `right` was said and is true, `said` and `true` by themselves; `total`
    is what counted, for yes-or-no labels `[labels]`.
    """

    def observe(self, metric: _T, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        if dim is not None:
            scores, target = by_class(metric, dim, values)
            return of_answers(scores.argmax(axis=-1), target, scores.shape[-1])
        scores, truth, counts = by_label(metric, values, types)
        said = (scores > metric.threshold) & counts
        truth = truth & counts
        return {
            "right": (said & truth).sum(axis=0),
            "said": said.sum(axis=0),
            "true": truth.sum(axis=0),
            "total": counts.sum(axis=0),
        }


def of_answers(answers: Array, target: Array, classes: int) -> State:
    """The counts of class numbers that were said, and are true."""
    return {
        "right": np.bincount(target[answers == target], minlength=classes),
        "said": np.bincount(answers, minlength=classes),
        "true": np.bincount(target, minlength=classes),
        "total": np.asarray(len(target)),
    }


class AveragedMeasure(CountsMeasure[_M]):
    """A ratio of counts for each class, averaged as asked for.

    Averages and quotients by zero are those of torchmetrics: a quotient by zero is 0, and the
    mean over classes leaves out those neither true nor said, the mean over labels none. What
    `ignore_index` names is no class here, so that no mean holds it.
    """

    #: Whether `micro` counts what was wrongly said of the class that does not count.
    ignored_is_pooled: ClassVar[bool] = True

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        """What is divided by what, for each class."""
        raise NotImplementedError

    def figure(self, metric: _M, state: State, types: Types) -> Figure:
        right, said, true, total = (
            np.asarray(state[name], np.float64) for name in ("right", "said", "true", "total")
        )
        if not total.any():
            return np.full(right.shape, np.nan) if metric.gives(types) == "classes" else np.nan
        of_classes = total.ndim == 0
        total = np.broadcast_to(total, right.shape)
        counts = np.ones(right.shape, bool)
        if of_classes and 0 <= metric.ignored < len(counts):
            counts[metric.ignored] = False
        if metric.average == "micro" and (of_classes or len(right) > 1):
            pooled = np.ones_like(counts) if self.ignored_is_pooled else counts
            sums = (side[pooled].sum(keepdims=True) for side in (right, said, true, total))
            return float(_divided(*self.ratio(*sums))[0])
        figures = _divided(*self.ratio(right, said, true, total))
        if metric.average == "none":
            return np.where(counts, figures, np.nan) if len(figures) > 1 else float(figures[0])
        if metric.average == "weighted":
            weights = np.asarray(state.get("support", true), np.float64)
        elif of_classes:
            weights = (said + true > 0).astype(np.float64)
        else:
            weights = np.ones_like(true)
        weights = np.where(counts, weights, 0.0)
        if len(figures) == 1:
            return float(figures[0])
        return float(_divided((figures * weights).sum(), weights.sum()))


def _divided(a: Array, b: Array) -> Array:
    """0 where there is nothing to divide by."""
    return np.divide(a, b, out=np.zeros(np.shape(a)), where=np.asarray(b) != 0)
