"""A learning rate that falls in steps."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.schedules._warmup import WarmupSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class Step(WarmupSchedule):
    """Multiplies the learning rate by a factor every few epochs.

        schedule: step(step_size=30, gamma=0.1)

    The factor is gamma ** (epoch // step_size), the epochs counted from the end of the
    warm-up. torch's StepLR, stepped each epoch, gives the same.

    Arguments:
        step_size: epochs between two falls
        gamma: the factor of a fall
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "step"

    step_size: Positive
    gamma: PositiveFloat = 0.1

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        step = "(step - warmup)" if warms_up else "step"
        stretch = (
            "steps_per_epoch" if self.step_size == 1 else f"({self.step_size} * steps_per_epoch)"
        )
        return [f"return {literal(self.gamma)} ** ({step} // {stretch})"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        return float(self.gamma ** (step // (self.step_size * steps_per_epoch)))
