"""A learning rate that rises and falls again and again."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class Cyclic(WarmupSchedule):
    """Raises the learning rate in a straight line and lowers it again, over and over.

        schedule: cyclic(max_lr=0.1, step_size_up=2000)

    From the optimizer's learning rate up to `max_lr` and back. The momentum stays as it is
    (torch's CyclicLR with `cycle_momentum=False`, stepped each step).

    Arguments:
        max_lr: the learning rate at the peaks
        step_size_up: the steps of a rise
        step_size_down: the steps of a fall; as many as of a rise where it is not given
        mode: how the peaks change; `triangular` not at all, `triangular2` halves their height
            each cycle, `exp_range` multiplies it by `gamma` each step
        gamma: the factor of a step in `exp_range`
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: Smith, "Cyclical learning rates for training neural networks" (2015).
    """

    name: ClassVar[str] = "cyclic"

    max_lr: PositiveFloat
    step_size_up: Positive = 2000
    step_size_down: Positive | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: PositiveFloat = 1.0

    def validate(self) -> None:
        super().validate()
        if self.gamma != 1.0 and self.mode != "exp_range":
            raise ComponentError(
                "E0311",
                f"`gamma` has no part in the mode `{self.mode}`",
                blame="gamma",
                help="write `mode=exp_range`, or leave `gamma` out",
            )

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        lines = [
            f"peak = {literal(self.max_lr)} / {literal(learning_rate)}",
            f"cycle, place = {after(warms_up)} // {up + down}, {after(warms_up)} % {up + down}",
            f"height = place / {up} if place <= {up} else ({up + down} - place) / {down}",
        ]
        if self.mode == "triangular2":
            lines.append("height = height / 2.0**cycle")
        elif self.mode == "exp_range":
            lines.append(f"height = height * {literal(self.gamma)} ** {after(warms_up)}")
        if self.mode != "triangular2":
            lines[1] = f"place = {after(warms_up)} % {up + down}"
        return [*lines, "return 1.0 + (peak - 1.0) * height"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        cycle, place = divmod(step, up + down)
        height = place / up if place <= up else (up + down - place) / down
        if self.mode == "triangular2":
            height = height / 2.0**cycle
        elif self.mode == "exp_range":
            height = height * self.gamma**step
        return 1.0 + (self.max_lr / learning_rate - 1.0) * height
