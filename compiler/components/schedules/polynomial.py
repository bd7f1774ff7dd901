"""A learning rate that falls as a power of what is left."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.schedules._final import FinalSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class Polynomial(FinalSchedule):
    """Lets the learning rate fall as a power of the share of steps that are left.

        schedule: polynomial(power=0.9)

    lr(p) = final_lr + (lr - final_lr) (1 - p)^power, where p is the share of the steps after the
    warm-up that are done. With `final_lr` 0 it is torch's PolynomialLR over the whole run.

    Arguments:
        final_lr: the learning rate at the end
        start_lr: the learning rate at the beginning; the optimizer's where it is not given
        power: the power; 1 is a straight line
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "polynomial"

    power: PositiveFloat = 1.0

    def _curve_text(self) -> str:
        return f"(1.0 - progress) ** {literal(self.power)}"

    def _curve(self, progress: float) -> float:
        return float((1.0 - progress) ** self.power)
