"""When the state is saved."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.intervals.base import Interval
from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Checkpoint(Section):
    """When the state of training is saved, and how many states are kept.

        train:
          checkpoint: {every: steps(500), keep: 3}

    Arguments:
        every: the stretch between two saves; the end is always saved
        keep: how many of the newest stay; the best is kept besides
    """

    name: ClassVar[str] = "checkpoint"

    every: Interval = Epochs(n=1)
    keep: Positive = 3
