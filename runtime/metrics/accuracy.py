"""Accuracy."""

from __future__ import annotations

from dlc.compiler.components.metrics.accuracy import Accuracy
from dlc.runtime.metrics._counts import AveragedMeasure
from dlc.runtime.metrics.base import Array, Figure, State, Types


class AccuracyMeasure(AveragedMeasure[Accuracy]):
    """Right answers over answers; for one class of several, over those where it is true."""

    def ratio(self, right: Array, said: Array, true: Array, total: Array) -> tuple[Array, Array]:
        return right, true

    def figure(self, metric: Accuracy, state: State, types: Types) -> Figure:
        if metric.class_dim(types) is None:
            # A right no counts as well as a right yes.
            agreed = state["total"] - state["said"] - state["true"] + 2 * state["right"]
            state = {**state, "right": agreed, "true": state["total"], "support": state["true"]}
        return super().figure(metric, state, types)
