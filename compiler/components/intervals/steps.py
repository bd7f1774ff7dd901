"""Intervals counted in steps."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.intervals.base import Interval
from dlc.compiler.record import component


@component
class Steps(Interval):
    """So many steps of the optimizer.

        validate_every: steps(5000)

    Arguments:
        n: the number of steps
    """

    name: ClassVar[str] = "steps"

    def in_steps(self, steps_per_epoch: int) -> int:
        return self.n
