"""A learning rate that falls as one over time."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.schedules._epochs import EpochSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class InverseTime(EpochSchedule):
    """Lets the learning rate fall as 1 / (1 + rate * epoch).

        schedule: inverse_time(rate=0.5)

    The epochs are counted from the end of the warm-up. Its sum grows without bound and that of
    its square does not, as stochastic approximation asks.

    Arguments:
        rate: how fast it falls: after 1 / rate epochs half is left
        staircase: change at the ends of epochs; `false` changes a little each step
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: Robbins and Monro, "A stochastic approximation method" (1951).
    """

    name: ClassVar[str] = "inverse_time"

    rate: PositiveFloat

    def _text(self) -> str:
        return f"1.0 / (1.0 + {literal(self.rate)} * epoch)"

    def _at(self, epoch: float) -> float:
        return 1.0 / (1.0 + self.rate * epoch)
