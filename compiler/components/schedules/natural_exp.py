"""A learning rate that falls as a power of e."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.schedules._epochs import EpochSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class NaturalExp(EpochSchedule):
    """Lets the learning rate fall as exp(-rate * epoch).

        schedule: natural_exp(rate=0.1)

    The epochs are counted from the end of the warm-up. It is `exponential` with
    gamma = exp(-rate).

    Arguments:
        rate: the power of e that an epoch takes
        staircase: change at the ends of epochs; `false` changes a little each step
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "natural_exp"

    rate: PositiveFloat

    def _text(self) -> str:
        return f"math.exp(-{literal(self.rate)} * epoch)"

    def _at(self, epoch: float) -> float:
        return math.exp(-self.rate * epoch)
