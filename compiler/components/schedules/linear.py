"""A learning rate that falls in a straight line."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.schedules._final import FinalSchedule
from dlc.compiler.record import component


@component
class Linear(FinalSchedule):
    """Lets the learning rate fall in a straight line.

        schedule: linear(warmup_steps=10000)

    lr(p) = lr + (final_lr - lr) p, where p is the share of the steps after the warm-up that
    are done.

    Arguments:
        final_lr: the learning rate at the end
        start_lr: the learning rate at the beginning; the optimizer's where it is not given
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "linear"

    def _curve_text(self) -> str:
        return "(1.0 - progress)"

    def _curve(self, progress: float) -> float:
        return 1.0 - progress
