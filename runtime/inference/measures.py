"""Losses and metrics in numpy, summed over chunks of any size.

The figure of a data set does not depend on how it was cut: every measure keeps a sum and
what to divide it by. A model file and the run that it came from are measured by this one
implementation, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.huber_loss import HuberLoss
from dlc.compiler.components.losses.l1_loss import L1Loss
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.losses.smooth_l1_loss import SmoothL1Loss
from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.components.metrics.mae import Mae
from dlc.compiler.components.metrics.mse import Mse
from dlc.compiler.components.settings import LossTerm
from dlc.compiler.ir.types import TensorType
from dlc.runtime.failures import failure

Array: TypeAlias = npt.NDArray[Any]
Types: TypeAlias = Mapping[str, TensorType]
#: A sum, and what it is to be divided by.
Part: TypeAlias = tuple[float, float]


@dataclass(kw_only=True)
class Measures:
    """The loss and the metrics of a data set, chunk by chunk. `outputs` are the names of
    the network's outputs, `types` those of outputs and targets.

    Raises `Failure` E0602 at once for a loss or metric that is not computed here.
    """

    loss: Sequence[LossTerm]
    metrics: Sequence[Metric]
    outputs: Sequence[str]
    types: Types
    _totals: dict[str, list[float]] = field(default_factory=dict)
    _rows: int = 0

    def __post_init__(self) -> None:
        for component in (*(term.loss for term in self.loss), *self.metrics):
            if type(component) not in _MEASURES:
                raise failure(
                    "E0602",
                    f"`{component.name}` is not measured yet",
                    help=component.available_note or "use another one",
                )

    def add(self, values: Mapping[str, Array], rows: int) -> None:
        """Counts one chunk: the outputs and targets by name."""
        self._rows += rows
        for key, component in self._components():
            total, weight = _MEASURES[type(component)](component, values, self.types)
            sums = self._totals.setdefault(key, [0.0, 0.0])
            sums[0] += total
            sums[1] += weight

    def results(self) -> dict[str, float]:
        """`loss` (where the spec has one) and every metric, under the names of
        `metrics.jsonl` without `val_`. NaN where nothing counted."""
        found = {key: _quotient(*self._totals.get(key, (0.0, 0.0))) for key in self._keys()}
        terms = {f"loss.{i}": term.weight for i, term in enumerate(self.loss)}
        metrics = {key: value for key, value in found.items() if key not in terms}
        if not terms:
            return metrics
        return {"loss": sum(weight * found[key] for key, weight in terms.items()), **metrics}

    @property
    def rows(self) -> int:
        return self._rows

    def _components(self) -> list[tuple[str, Loss | Metric]]:
        losses: list[tuple[str, Loss | Metric]] = [
            (f"loss.{index}", term.loss) for index, term in enumerate(self.loss)
        ]
        return [*losses, *zip(keys(self.metrics, self.outputs), self.metrics, strict=True)]

    def _keys(self) -> list[str]:
        return [key for key, _ in self._components()]


def _quotient(total: float, weight: float) -> float:
    return total / weight if weight else float("nan")


def _pair(component: Any, types: Types) -> Pair:
    names = (component.input, component.target)
    return Pair(component.name, names[0], types[names[0]], names[1], types[names[1]])


def _by_class(component: Any, dim: int, values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Scores `[samples, classes]` and class numbers `[samples]`, those that do not count
    left out."""
    scores = np.moveaxis(values[component.input], dim, -1)
    scores = scores.reshape(-1, scores.shape[-1])
    target = values[component.target].reshape(-1)
    counts = target != component.ignore_index
    scores, target = scores[counts], target[counts]
    outside = (target < 0) | (target >= scores.shape[-1])
    if outside.any():
        raise failure(
            "E0606",
            f"`{component.target}` holds the class {target[outside][0]}, and "
            f"`{component.input}` has {scores.shape[-1]} classes",
            help="correct the data, or take that of the model",
        )
    return scores, target


def _log_softmax(scores: Array) -> Array:
    wide = scores.astype(np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _weights(loss: CrossEntropy | NllLoss, classes: int) -> Array:
    return np.ones(classes) if loss.weight is None else np.asarray(loss.weight, np.float64)


def _cross_entropy(loss: CrossEntropy, values: Mapping[str, Array], types: Types) -> Part:
    if types[loss.target].dtype.is_float:
        return _soft_cross_entropy(loss, values)
    scores, target = _by_class(loss, _pair(loss, types).class_dim(), values)
    logs = _log_softmax(scores)
    classes = logs.shape[-1]
    weights = _weights(loss, classes)
    of_target = -weights[target] * logs[np.arange(len(target)), target]
    smoothing = loss.label_smoothing
    total = (1 - smoothing) * of_target.sum()
    if smoothing:
        total += smoothing / classes * -(logs * weights).sum()
    return float(total), float(weights[target].sum())


def _soft_cross_entropy(loss: CrossEntropy, values: Mapping[str, Array]) -> Part:
    logs = _log_softmax(np.moveaxis(values[loss.input], 1, -1))
    target = np.moveaxis(values[loss.target], 1, -1).astype(np.float64)
    classes = logs.shape[-1]
    target = target * (1 - loss.label_smoothing) + loss.label_smoothing / classes
    return float(-(_weights(loss, classes) * target * logs).sum()), logs.size / classes


def _nll_loss(loss: NllLoss, values: Mapping[str, Array], types: Types) -> Part:
    logs, target = _by_class(loss, _pair(loss, types).class_dim(), values)
    weights = _weights(loss, logs.shape[-1])[target]
    picked = logs[np.arange(len(target)), target].astype(np.float64)
    return float(-(weights * picked).sum()), float(weights.sum())


def _binary_cross_entropy(
    loss: BinaryCrossEntropyWithLogits, values: Mapping[str, Array], types: Types
) -> Part:
    x = values[loss.input].astype(np.float64)
    t = values[loss.target].astype(np.float64)
    factor = 1.0 if loss.pos_weight is None else np.asarray(loss.pos_weight, np.float64)
    # log(1 + exp(-x)) without overflow.
    softplus = np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0)
    return float(((1 - t) * x + (1 + (factor - 1) * t) * softplus).sum()), float(x.size)


def _pairwise(function: Callable[[Any, Array], Array]) -> Callable[..., Part]:
    """The measure that sums a function of the absolute differences."""

    def measure(component: Any, values: Mapping[str, Array], types: Types) -> Part:
        x = values[component.input].astype(np.float64)
        distance = np.abs(x - values[component.target].astype(np.float64))
        return float(function(component, distance).sum()), float(x.size)

    return measure


def _smooth_l1(loss: SmoothL1Loss, d: Array) -> Array:
    if loss.beta == 0:
        return d
    return np.where(d < loss.beta, 0.5 * d**2 / loss.beta, d - 0.5 * loss.beta)


def _huber(loss: HuberLoss, d: Array) -> Array:
    return np.where(d < loss.delta, 0.5 * d**2, loss.delta * (d - 0.5 * loss.delta))


def _accuracy(metric: Accuracy, values: Mapping[str, Array], types: Types) -> Part:
    dim = metric.class_dim(types)
    if dim is not None:
        scores, target = _by_class(metric, dim, values)
        return float((scores.argmax(axis=-1) == target).sum()), float(len(target))
    said = values[metric.input] > metric.threshold
    target = values[metric.target]
    counts = target != metric.ignore_index if target.dtype.kind in "iu" else np.ones_like(said)
    right = (said == (target > 0.5)) & counts
    return float(right.sum()), float(counts.sum())


_MEASURES: dict[type, Callable[..., Part]] = {
    CrossEntropy: _cross_entropy,
    NllLoss: _nll_loss,
    BinaryCrossEntropyWithLogits: _binary_cross_entropy,
    MseLoss: _pairwise(lambda _, d: d**2),
    L1Loss: _pairwise(lambda _, d: d),
    SmoothL1Loss: _pairwise(_smooth_l1),
    HuberLoss: _pairwise(_huber),
    Accuracy: _accuracy,
    Mae: _pairwise(lambda _, d: d),
    Mse: _pairwise(lambda _, d: d**2),
}
