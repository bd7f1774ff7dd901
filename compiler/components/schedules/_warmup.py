"""What the schedules that may warm up share."""

from __future__ import annotations

from dlc.compiler.components.arguments import Natural
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.record import component


@component
class WarmupSchedule(Schedule):
    """A schedule that may begin with a straight rise to the optimizer's learning rate.

    At step s of a warm-up over w steps the factor is (s + 1) / w; the schedule itself starts
    after it.

    Arguments:
        warmup_steps: the steps over which the rate rises
        warmup_epochs: the same in epochs
    """

    warmup_steps: Natural = keyword(0)
    warmup_epochs: Natural = keyword(0)

    def validate(self) -> None:
        if self.warmup_steps and self.warmup_epochs:
            raise ComponentError(
                "E0311",
                "`warmup_steps` and `warmup_epochs` both say how long to warm up",
                blame="warmup_epochs",
                help="keep one of the two",
            )

    def torch(self, *, learning_rate: float) -> str:
        lines = []
        if self.warmup_steps or self.warmup_epochs:
            length = (
                str(self.warmup_steps)
                if self.warmup_steps
                else f"{self.warmup_epochs} * steps_per_epoch"
            )
            lines = [
                f"warmup = {length}",
                "if step < warmup:",
                "    return (step + 1) / warmup",
            ]
        return "\n".join([*lines, *self._torch_after(learning_rate, bool(lines))])

    def factor_at(
        self, step: int, *, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        warmup = self.warmup_steps or self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return (step + 1) / warmup
        return self._factor_after(
            step - warmup, max(1, total_steps - warmup), steps_per_epoch, learning_rate
        )

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        """The lines for the steps after the warm-up; `warmup` is in scope where there is one."""
        raise NotImplementedError(self.name)

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        """The factor at a step, both counted from the end of the warm-up."""
        raise NotImplementedError(self.name)


def progress(warms_up: bool) -> str:
    """The share of the steps after the warm-up that are done, as source text."""
    if warms_up:
        return "min(1.0, (step - warmup) / max(1, total_steps - warmup))"
    return "min(1.0, step / max(1, total_steps))"
