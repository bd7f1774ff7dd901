"""A learning rate that is given for each stretch of epochs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.schedules._milestones import ascending
from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class Piecewise(WarmupSchedule):
    """Holds the learning rate at a given value for each stretch of epochs.

        schedule: piecewise(milestones=[10, 20], values=[0.1, 0.01, 0.001])

    Before the first milestone the rate is the first of `values`, from there to the second
    milestone the second, and so on, the epochs counted from the end of the warm-up. The
    optimizer's own `lr` plays a part in the warm-up alone, which rises to the first value.

    Arguments:
        milestones: the epochs at which the rate changes, ascending
        values: the learning rates, one more than milestones
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs
    """

    name: ClassVar[str] = "piecewise"

    milestones: tuple[Positive, ...]
    values: tuple[PositiveFloat, ...]

    def validate(self) -> None:
        super().validate()
        ascending(self.milestones)
        if len(self.values) != len(self.milestones) + 1:
            raise ComponentError(
                "E0311",
                f"{len(self.milestones)} milestones have {len(self.milestones) + 1} stretches "
                f"between them, and `values` has {len(self.values)}",
                blame="values",
                help="give one learning rate for each stretch, the first and the last too",
            )

    def _peak(self, learning_rate: float) -> float:
        return self.values[0] / learning_rate

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        return [
            f"epoch = {after(warms_up)} // steps_per_epoch",
            f"place = sum(epoch >= milestone for milestone in {literal(self.milestones)})",
            f"return {literal(self.values)}[place] / {literal(learning_rate)}",
        ]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        epoch = step // steps_per_epoch
        return self.values[sum(epoch >= m for m in self.milestones)] / learning_rate
