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
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.components.settings import LossTerm
from dlc.runtime import metrics as measured
from dlc.runtime.failures import failure
from dlc.runtime.inference.figures import Matrix, class_names
from dlc.runtime.metrics._classes import by_class, log_softmax
from dlc.runtime.metrics.base import Array, Figure, State, Types

#: A sum, and what it is to be divided by.
Part: TypeAlias = tuple[float, float]


@dataclass(kw_only=True)
class Measures:
    """The loss and the metrics of a data set, chunk by chunk. `outputs` are the names of
    the network's outputs, `types` those of outputs and targets, `labels` the names of the
    classes of a target or output.

    `state` and `merge` make one figure of parts measured apart: each rank measures its rows,
    and any of them merges the states of all, in the order of ranks.

    Raises `Failure` E0602 at once for a loss or metric that is not computed here.
    """

    loss: Sequence[LossTerm]
    metrics: Sequence[Metric]
    outputs: Sequence[str]
    types: Types
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _totals: dict[str, list[float]] = field(default_factory=dict)
    _states: dict[str, list[State]] = field(default_factory=dict)
    _rows: int = 0

    def __post_init__(self) -> None:
        losses = [term.loss for term in self.loss if type(term.loss) not in _MEASURES]
        metrics = [metric for metric in self.metrics if metric.name not in measured.names()]
        for component in (*losses, *metrics):
            raise failure(
                "E0602",
                f"`{component.name}` is not measured yet",
                help=component.available_note or "use another one",
            )

    def add(self, values: Mapping[str, Array], rows: int) -> None:
        """Counts one chunk: the outputs and targets by name."""
        self._rows += rows
        for key, loss in self._losses().items():
            total, weight = _MEASURES[type(loss)](loss, values, self.types)
            sums = self._totals.setdefault(key, [0.0, 0.0])
            sums[0] += total
            sums[1] += weight
        for key, metric in self._metrics().items():
            measure = measured.load(metric.name)
            states = self._states.setdefault(key, [])
            with np.errstate(all="ignore"):
                states.append(measure.observe(metric, values, self.types))
                # Lists are put together once, at the end: each time anew would be quadratic.
                if not measure.lists and len(states) > 1:
                    states[:] = [measure.merge(states)]

    def state(self) -> dict[str, dict[str, Array]]:
        """What was counted so far: for each loss term and metric a few named arrays."""
        found: dict[str, dict[str, Array]] = {"": {"rows": np.asarray(self._rows)}}
        for key, sums in self._totals.items():
            found[key] = {"sums": np.asarray(sums, np.float64)}
        for key, metric in self._metrics().items():
            if self._states.get(key):
                found[key] = dict(measured.load(metric.name).merge(self._states[key]))
        return found

    def merge(self, state: Mapping[str, Mapping[str, Array]]) -> None:
        """Counts what the `state` of other measures of the same metrics holds."""
        self._rows += int(state[""]["rows"])
        for key in self._losses():
            if key in state:
                sums = self._totals.setdefault(key, [0.0, 0.0])
                sums[0] += float(state[key]["sums"][0])
                sums[1] += float(state[key]["sums"][1])
        for key in self._metrics():
            if key in state:
                self._states.setdefault(key, []).append(state[key])

    def results(self) -> dict[str, float]:
        """`loss` (where the spec has one) and every figure, under the names of
        `metrics.jsonl` without `val_`; those of one class end in its name, `f1.setosa`. NaN
        where nothing counted."""
        found: dict[str, float] = {}
        if self.loss:
            sums = [self._totals.get(key, (0.0, 0.0)) for key in self._losses()]
            terms = zip((term.weight for term in self.loss), sums, strict=True)
            found["loss"] = sum(weight * _quotient(*pair) for weight, pair in terms)
        for key, metric in self._metrics().items():
            gives, figure = metric.gives(self.types), self._figure(key, metric)
            if gives == "figure":
                found[key] = float("nan") if figure is None else float(figure)
            elif gives == "classes" and figure is not None:
                figures = np.asarray(figure)
                names = class_names(metric, self.labels, len(figures))
                found |= {
                    f"{key}.{name}": float(value)
                    for name, value in zip(names, figures, strict=True)
                }
        return found

    def matrices(self) -> dict[str, Matrix]:
        """The counts of the metrics that give a matrix, under their names."""
        found: dict[str, Matrix] = {}
        for key, metric in self._metrics().items():
            if metric.gives(self.types) == "matrix":
                figure = self._figure(key, metric)
                if figure is not None:
                    counts = np.asarray(figure)
                    names = class_names(metric, self.labels, len(counts))
                    found[key] = Matrix(labels=names, counts=counts)
        return found

    def _figure(self, key: str, metric: Metric) -> Figure | None:
        measure, states = measured.load(metric.name), self._states.get(key)
        if not states:
            return None
        with np.errstate(all="ignore"):
            return measure.figure(metric, measure.merge(states), self.types)

    @property
    def rows(self) -> int:
        return self._rows

    def _losses(self) -> dict[str, Loss]:
        return {f"loss.{index}": term.loss for index, term in enumerate(self.loss)}

    def _metrics(self) -> dict[str, Metric]:
        return dict(zip(keys(self.metrics, self.outputs), self.metrics, strict=True))


def _quotient(total: float, weight: float) -> float:
    return total / weight if weight else float("nan")


def _pair(component: Any, types: Types) -> Pair:
    names = (component.input, component.target)
    return Pair(component.name, names[0], types[names[0]], names[1], types[names[1]])


def _weights(loss: CrossEntropy | NllLoss, classes: int) -> Array:
    return np.ones(classes) if loss.factors is None else np.asarray(loss.factors, np.float64)


def _cross_entropy(loss: CrossEntropy, values: Mapping[str, Array], types: Types) -> Part:
    if types[loss.target].dtype.is_float:
        return _soft_cross_entropy(loss, values)
    scores, target = by_class(loss, _pair(loss, types).class_dim(), values)
    logs = log_softmax(scores)
    classes = logs.shape[-1]
    weights = _weights(loss, classes)
    of_target = -weights[target] * logs[np.arange(len(target)), target]
    smoothing = loss.label_smoothing
    total = (1 - smoothing) * of_target.sum()
    if smoothing:
        total += smoothing / classes * -(logs * weights).sum()
    return float(total), float(weights[target].sum())


def _soft_cross_entropy(loss: CrossEntropy, values: Mapping[str, Array]) -> Part:
    logs = log_softmax(np.moveaxis(values[loss.input], 1, -1))
    target = np.moveaxis(values[loss.target], 1, -1).astype(np.float64)
    classes = logs.shape[-1]
    target = target * (1 - loss.label_smoothing) + loss.label_smoothing / classes
    return float(-(_weights(loss, classes) * target * logs).sum()), logs.size / classes


def _nll_loss(loss: NllLoss, values: Mapping[str, Array], types: Types) -> Part:
    logs, target = by_class(loss, _pair(loss, types).class_dim(), values)
    weights = _weights(loss, logs.shape[-1])[target]
    picked = logs[np.arange(len(target)), target].astype(np.float64)
    return float(-(weights * picked).sum()), float(weights.sum())


def _binary_cross_entropy(
    loss: BinaryCrossEntropyWithLogits, values: Mapping[str, Array], types: Types
) -> Part:
    x = values[loss.input].astype(np.float64)
    t = values[loss.target].astype(np.float64)
    factor = 1.0 if loss.factors is None else np.asarray(loss.factors, np.float64)
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


_MEASURES: dict[type, Callable[..., Part]] = {
    CrossEntropy: _cross_entropy,
    NllLoss: _nll_loss,
    BinaryCrossEntropyWithLogits: _binary_cross_entropy,
    MseLoss: _pairwise(lambda _, d: d**2),
    L1Loss: _pairwise(lambda _, d: d),
    SmoothL1Loss: _pairwise(_smooth_l1),
    HuberLoss: _pairwise(_huber),
}
