"""Losses and metrics in numpy, summed over chunks of any size.

The figure of a data set does not depend on how it was cut: every measure keeps a sum and
what to divide it by. A model file and the run that it came from are measured by this one
implementation, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.metrics.base import Metric, keys
from dlc.compiler.components.missing_labels import missing_labels
from dlc.compiler.components.settings import LossTerm
from dlc.runtime import losses as measured_losses
from dlc.runtime import metrics as measured
from dlc.runtime.failures import failure
from dlc.runtime.inference.figures import Matrix, class_names
from dlc.runtime.metrics.base import Array, Figure, Measure, State, Types


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
    _states: dict[str, list[State]] = field(default_factory=dict)
    _rows: int = 0
    _missing: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        targets = {name: t for name, t in self.types.items() if name not in self.outputs}
        self._missing = frozenset(missing_labels([term.loss for term in self.loss], targets))
        known = measured_losses.names()
        losses = [term.loss for term in self.loss if term.loss.name not in known]
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
        for key, (metric, measure) in self._measured().items():
            states = self._states.setdefault(key, [])
            with np.errstate(all="ignore"):
                states.append(measure.observe(metric, values, self.types))
                # Lists are put together once, at the end: each time anew would be quadratic.
                if not measure.lists and len(states) > 1:
                    states[:] = [measure.merge(states)]

    def state(self) -> dict[str, dict[str, Array]]:
        """What was counted so far: for each loss term and metric a few named arrays."""
        found: dict[str, dict[str, Array]] = {"": {"rows": np.asarray(self._rows)}}
        for key, (_, measure) in self._measured().items():
            if self._states.get(key):
                found[key] = dict(measure.merge(self._states[key]))
        return found

    def merge(self, state: Mapping[str, Mapping[str, Array]]) -> None:
        """Counts what the `state` of other measures of the same metrics holds."""
        self._rows += int(state[""]["rows"])
        for key in self._measured():
            if key in state:
                self._states.setdefault(key, []).append(state[key])

    def results(self) -> dict[str, float]:
        """`loss` (where the spec has one) and every figure, under the names of
        `metrics.jsonl` without `val_`; those of one class end in its name, `f1.setosa`. NaN
        where nothing counted."""
        found: dict[str, float] = {}
        if self.loss:
            found["loss"] = sum(
                term.weight * self._loss(key)
                for term, key in zip(self.loss, self._losses(), strict=True)
            )
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

    def _loss(self, key: str) -> float:
        """NaN where nothing counted; 0 where that is one of several tasks, without a label."""
        loss = self._losses()[key]
        if any(name in self._missing for name in loss.names) and self._states.get(key):
            merged = self._measured()[key][1].merge(self._states[key])
            if "sums" in merged and merged["sums"][1] == 0:
                return 0.0
        figure = self._figure(key, loss)
        return float("nan") if figure is None else float(figure)

    def _figure(self, key: str, metric: Metric | Loss) -> Figure | None:
        measure, states = self._measured()[key][1], self._states.get(key)
        if not states:
            return None
        with np.errstate(all="ignore"):
            return measure.figure(metric, measure.merge(states), self.types)

    @property
    def rows(self) -> int:
        return self._rows

    def _measured(self) -> dict[str, tuple[Metric | Loss, Measure[Any]]]:
        """What is measured, by key, and how."""
        losses = self._losses().items()
        return {
            **{key: (loss, measured_losses.load(loss.name)) for key, loss in losses},
            **{key: (m, measured.load(m.name)) for key, m in self._metrics().items()},
        }

    def _losses(self) -> dict[str, Loss]:
        return {f"loss.{index}": term.loss for index, term in enumerate(self.loss)}

    def _metrics(self) -> dict[str, Metric]:
        return dict(zip(keys(self.metrics, self.outputs), self.metrics, strict=True))
