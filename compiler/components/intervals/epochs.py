"""Intervals counted in epochs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.intervals.base import Interval
from dlc.compiler.record import component


@component
class Epochs(Interval):
    """So many passes over the training part.

        validate_every: epochs(1)

    Arguments:
        n: the number of epochs
    """

    name: ClassVar[str] = "epochs"

    def in_steps(self, steps_per_epoch: int) -> int:
        return self.n * steps_per_epoch
