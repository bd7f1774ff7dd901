"""When to stop early."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, Positive
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class EarlyStopping(Section):
    """Stops training when a monitored figure no longer improves.

        train:
          early_stopping: {monitor: val_accuracy, patience: 5}

    Whether more or less is better follows from the figure.

    Arguments:
        monitor: `val_loss`, or `val_` and the name of a metric
        patience: how many validations in a row may pass without an improvement
        min_delta: the least change that counts as an improvement
        restore_best: end with the weights of the best validation, not the last
    """

    name: ClassVar[str] = "early_stopping"

    monitor: str = "val_loss"
    patience: Positive = 5
    min_delta: NonNegative = 0.0
    restore_best: bool = True
