"""What the schedules that may warm up share."""

from __future__ import annotations

from dlc.compiler.components.arguments import Natural
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class WarmupSchedule(Schedule):
    """A schedule that may begin with a straight rise to its first learning rate.

    At step s of a warm-up over w steps the factor is (s + 1) / w of that; the schedule itself
    starts after it.

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

    @property
    def warms_up(self) -> bool:
        return bool(self.warmup_steps or self.warmup_epochs)

    def warmup(self, steps_per_epoch: int) -> int:
        """The length of the warm-up in steps."""
        return self.warmup_steps or self.warmup_epochs * steps_per_epoch

    @property
    def warmup_text(self) -> str:
        """The same as source text, `steps_per_epoch` being in scope."""
        return str(self.warmup_steps) if self.warmup_steps else _epochs(self.warmup_epochs)

    def torch(self, *, learning_rate: float) -> str:
        lines = []
        if self.warms_up:
            peak = self._peak(learning_rate)
            factor = "" if peak == 1.0 else f"{literal(peak)} * "
            lines = [
                f"warmup = {self.warmup_text}",
                "if step < warmup:",
                f"    return {factor}(step + 1) / warmup",
            ]
        return "\n".join([*lines, *self._torch_after(learning_rate, self.warms_up)])

    def factor_at(
        self, step: int, *, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        warmup = self.warmup(steps_per_epoch)
        if step < warmup:
            return self._peak(learning_rate) * (step + 1) / warmup
        return self._factor_after(
            step - warmup, max(1, total_steps - warmup), steps_per_epoch, learning_rate
        )

    def _peak(self, learning_rate: float) -> float:
        """The factor that the warm-up rises to."""
        return 1.0

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        """The lines for the steps after the warm-up; `warmup` is in scope where there is one."""
        raise NotImplementedError(self.name)

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        """The factor at a step, both counted from the end of the warm-up."""
        raise NotImplementedError(self.name)


def _epochs(count: int) -> str:
    return "steps_per_epoch" if count == 1 else f"{count} * steps_per_epoch"


def after(warms_up: bool) -> str:
    """The steps since the warm-up, as source text."""
    return "(step - warmup)" if warms_up else "step"


def progress(warms_up: bool) -> str:
    """The share of the steps after the warm-up that are done, as source text."""
    if warms_up:
        return "min(1.0, (step - warmup) / max(1, total_steps - warmup))"
    return "min(1.0, step / max(1, total_steps))"
