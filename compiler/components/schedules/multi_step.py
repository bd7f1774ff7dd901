"""A learning rate that falls at given epochs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.schedules._milestones import ascending
from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class MultiStep(WarmupSchedule):
    """Multiplies the learning rate by a factor at each of some epochs.

        schedule: multi_step(milestones=[30, 60, 90])

    The factor is gamma to the number of milestones that are reached, the epochs counted from
    the end of the warm-up. torch's MultiStepLR, stepped each epoch, gives the same.

    Arguments:
        milestones: the epochs at which the rate falls, ascending
        gamma: the factor of a fall
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "multi_step"

    milestones: tuple[Positive, ...]
    gamma: PositiveFloat = 0.1

    def validate(self) -> None:
        super().validate()
        ascending(self.milestones)

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        return [
            f"epoch = {after(warms_up)} // steps_per_epoch",
            f"falls = sum(epoch >= milestone for milestone in {literal(self.milestones)})",
            f"return {literal(self.gamma)} ** falls",
        ]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        epoch = step // steps_per_epoch
        return float(self.gamma ** sum(epoch >= milestone for milestone in self.milestones))
