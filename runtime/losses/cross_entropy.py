"""How `cross_entropy` is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.runtime.losses._weights import factors_of, picked
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics._classes import log_softmax
from dlc.runtime.metrics.base import Array, Types


class CrossEntropyMeasure(MeanLoss[CrossEntropy]):
    def part(
        self, loss: CrossEntropy, values: Mapping[str, Array], types: Types
    ) -> tuple[float, float]:
        if types[loss.target].dtype.is_float:
            return _soft(loss, values)
        logs, target, weights = picked(loss, values, types, softmax=True)
        of_target = -weights[target] * logs[np.arange(len(target)), target]
        smoothing = loss.label_smoothing
        total = (1 - smoothing) * of_target.sum()
        if smoothing:
            total += smoothing / logs.shape[-1] * -(logs * weights).sum()
        return float(total), float(weights[target].sum())


def _soft(loss: CrossEntropy, values: Mapping[str, Array]) -> tuple[float, float]:
    """For a probability of each class."""
    logs = log_softmax(np.moveaxis(values[loss.input], 1, -1))
    target = np.moveaxis(values[loss.target], 1, -1).astype(np.float64)
    classes = logs.shape[-1]
    target = target * (1 - loss.label_smoothing) + loss.label_smoothing / classes
    weights = factors_of(loss.factors, classes)
    return float(-(weights * target * logs).sum()), logs.size / classes
