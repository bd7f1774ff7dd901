"""A constant learning rate."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.schedules._warmup import WarmupSchedule
from dlc.compiler.record import component


@component
class Constant(WarmupSchedule):
    """The optimizer's learning rate all the way.

        schedule: constant(warmup_steps=500)

    Arguments:
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "constant"

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        return ["return 1.0"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        return 1.0
