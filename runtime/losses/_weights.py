"""What losses over classes weigh them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.runtime.metrics._classes import by_class, log_softmax
from dlc.runtime.metrics.base import Array, Types


def factors_of(weights: Sequence[float] | None, classes: int) -> Array:
    """The factor of each class."""
    return np.ones(classes) if weights is None else np.asarray(weights, np.float64)


def picked(
    loss: ClassLoss, values: Mapping[str, Array], types: Types, *, softmax: bool
) -> tuple[Array, Array, Array]:
    """The logarithms [labels, classes], the class numbers, the weights of the classes; labels
    that do not count are left out."""
    scores, target = by_class(loss, loss.pair(types).class_dim(), values)
    logs = log_softmax(scores) if softmax else scores.astype(np.float64)
    return logs, target, factors_of(loss.factors, logs.shape[-1])
