"""What losses and metrics over classes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlc.compiler.components.metrics._answers import AnswerMetric
from dlc.runtime.failures import failure
from dlc.runtime.metrics.base import Array


def by_class(component: Any, dim: int, values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Scores `[samples, classes]` and class numbers `[samples]`, those that do not count
    left out. Raises `Failure` E0606 for a class that the output lacks."""
    scores = np.moveaxis(values[component.input], dim, -1)
    scores = scores.reshape(-1, scores.shape[-1])
    target = values[component.target].reshape(-1)
    is_metric = isinstance(component, AnswerMetric)
    counts = target != (component.ignored if is_metric else component.ignore_index)
    scores, target = scores[counts], target[counts]
    refuse_outside(component, target, scores.shape[-1])
    return scores, target


def refuse_outside(component: Any, target: Array, classes: int) -> None:
    """Raises `Failure` E0606 for a class that the output lacks."""
    outside = (target < 0) | (target >= classes)
    if outside.any():
        raise failure(
            "E0606",
            f"`{component.target}` holds the class {target[outside][0]}, and "
            f"`{component.input}` has {classes} classes",
            help="correct the data, or take that of the model",
        )


def log_softmax(scores: Array) -> Array:
    """Over the last dim, in float64."""
    wide = scores.astype(np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
