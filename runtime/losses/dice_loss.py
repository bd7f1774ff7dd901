"""How `dice_loss` is measured: by sums over all of the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.dice_loss import DiceLoss
from dlc.runtime.metrics._classes import log_softmax, refuse_outside
from dlc.runtime.metrics.base import Array, Measure, State, Types


class DiceLossMeasure(Measure[DiceLoss]):
    """For each class the sums of p t, of p and of t."""

    def observe(self, metric: DiceLoss, values: Mapping[str, Array], types: Types) -> State:
        p, truth = _sides(metric, values, types)
        return {"sums": np.stack([(p * truth).sum(0), p.sum(0), truth.sum(0)])}

    def figure(self, metric: DiceLoss, state: State, types: Types) -> float:
        both, said, true = state["sums"]
        overlap = (2 * both + metric.smooth) / (said + true + metric.smooth)
        return float(1 - overlap.mean())


def _sides(loss: DiceLoss, values: Mapping[str, Array], types: Types) -> tuple[Array, Array]:
    """Probabilities and truth, [values, classes]."""
    x, target = values[loss.input], values[loss.target]
    dim = loss.class_dim(types)
    if dim is None:
        p = 1 / (1 + np.exp(-x.astype(np.float64)))
        return _by_channel(p), _by_channel(target.astype(np.float64))
    p = np.exp(log_softmax(np.moveaxis(x, dim, -1)))
    classes = p.shape[-1]
    refuse_outside(loss, target, classes)
    return p.reshape(-1, classes), np.eye(classes)[target.reshape(-1)]


def _by_channel(x: Array) -> Array:
    if x.ndim == 1:
        return x[:, None]
    moved = np.moveaxis(x, 1, -1)
    return moved.reshape(-1, moved.shape[-1])
