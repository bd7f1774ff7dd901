"""The base of intervals."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Interval(Component):
    """A stretch of training.

    Arguments:
        n: how many
    """

    kind: ClassVar[str] = "interval"

    n: Positive

    def in_steps(self, steps_per_epoch: int) -> int:
        """The length in optimizer steps."""
        raise NotImplementedError(self.name)
