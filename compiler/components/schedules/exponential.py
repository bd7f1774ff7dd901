"""A learning rate that falls by the same share each epoch."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.schedules._epochs import EpochSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class Exponential(EpochSchedule):
    """Multiplies the learning rate by a factor each epoch.

        schedule: exponential(gamma=0.95)

    The factor is gamma ** epoch, the epochs counted from the end of the warm-up. torch's
    ExponentialLR, stepped each epoch, gives the same.

    Arguments:
        gamma: the factor of an epoch
        staircase: change at the ends of epochs; `false` changes a little each step
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "exponential"

    gamma: PositiveFloat

    def _text(self) -> str:
        return f"{literal(self.gamma)} ** epoch"

    def _at(self, epoch: float) -> float:
        return float(self.gamma**epoch)
