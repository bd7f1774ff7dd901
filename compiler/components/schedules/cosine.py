"""A learning rate that falls along a cosine."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.schedules._final import FinalSchedule
from dlc.compiler.record import component


@component
class Cosine(FinalSchedule):
    """Lets the learning rate fall along half a cosine, slowly at both ends.

        schedule: cosine(warmup_epochs=5)

    lr(p) = final_lr + (lr - final_lr) (1 + cos(pi p)) / 2, where p is the share of the steps
    after the warm-up that are done.

    Arguments:
        final_lr: the learning rate at the end
        start_lr: the learning rate at the beginning; the optimizer's where it is not given
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts"
    (2016).
    """

    name: ClassVar[str] = "cosine"

    def _curve_text(self) -> str:
        return "0.5 * (1.0 + math.cos(math.pi * progress))"

    def _curve(self, progress: float) -> float:
        return 0.5 * (1.0 + math.cos(math.pi * progress))
