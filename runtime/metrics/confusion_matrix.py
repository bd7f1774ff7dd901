"""The confusion matrix."""

from __future__ import annotations

from dlc.compiler.components.metrics.confusion_matrix import ConfusionMatrix
from dlc.runtime.metrics._matrix import MatrixMeasure
from dlc.runtime.metrics.base import Figure, State, Types


class ConfusionMatrixMeasure(MatrixMeasure[ConfusionMatrix]):
    """The counts themselves."""

    def figure(self, metric: ConfusionMatrix, state: State, types: Types) -> Figure:
        return state["counts"]
