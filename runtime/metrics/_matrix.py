"""What the metrics that count pairs of classes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from dlc.compiler.components.metrics._answers import ThresholdMetric
from dlc.runtime.metrics._classes import by_class
from dlc.runtime.metrics._counts import by_label
from dlc.runtime.metrics.base import Array, Measure, State, Types

_T = TypeVar("_T", bound=ThresholdMetric)


class MatrixMeasure(Measure[_T]):
    """`counts`: `[classes, classes]`, by the true class and the answer; no is before yes."""

    def observe(self, metric: _T, values: Mapping[str, Array], types: Types) -> State:
        dim = metric.class_dim(types)
        if dim is not None:
            scores, target = by_class(metric, dim, values)
            return pairs(scores.argmax(axis=-1), target, scores.shape[-1])
        scores, truth, counts = by_label(metric, values, types)
        said = scores > metric.threshold
        return pairs(said[counts].astype(np.int64), truth[counts].astype(np.int64), 2)


def pairs(answers: Array, target: Array, classes: int) -> State:
    """How often each class was said where each was true."""
    places = target.astype(np.int64) * classes + answers
    return {"counts": np.bincount(places, minlength=classes**2).reshape(classes, classes)}
