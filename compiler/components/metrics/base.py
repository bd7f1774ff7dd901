"""The base of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal, Self, TypeAlias

from dlc.compiler.components.base import Component
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component

#: One number; one for each class; or a count for each pair of classes.
Gives: TypeAlias = Literal["figure", "classes", "matrix"]


@component
class Metric(Component):
    """A figure that tells how good a model is, beside the loss.

    The first two fields are `input` (an output) and `target`. `higher_is_better` says
    which way `maximize` and early stopping look.
    """

    kind: ClassVar[str] = "metric"
    higher_is_better: ClassVar[bool] = True

    def check(self, types: Mapping[str, TensorType]) -> None:
        """Shapes and element types of what is compared. Raises `ComponentError`."""
        raise NotImplementedError(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs and targets that are read, output first."""
        raise NotImplementedError(self.name)

    def following(self, losses: Iterable[Loss]) -> Self:
        """The metric as the losses of the same spec make it: what does not count there does not
        count here, unless it is said."""
        return self

    def gives(self, types: Mapping[str, TensorType]) -> Gives:
        """What the metric gives for outputs and targets of these types. Only a figure can be
        monitored, minimized or maximized."""
        return "figure"


def keys(metrics: Sequence[Metric], outputs: Sequence[str]) -> tuple[str, ...]:
    """What the metrics are called in `metrics.jsonl`, `monitor` and `minimize`, without
    `val_`: `accuracy`, or `<output>_accuracy` where the network has several outputs."""
    found: list[str] = []
    for metric in metrics:
        key = metric.name if len(outputs) < 2 else f"{metric.names[0]}_{metric.name}"
        turn, unique = 2, key
        while unique in found:
            unique, turn = f"{key}_{turn}", turn + 1
        found.append(unique)
    return tuple(found)
