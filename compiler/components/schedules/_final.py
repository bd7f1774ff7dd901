"""What the schedules that end at a given learning rate share."""

from __future__ import annotations

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.base import keyword
from dlc.compiler.components.schedules._warmup import WarmupSchedule, progress
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class FinalSchedule(WarmupSchedule):
    """A schedule that goes from the optimizer's learning rate to another, over the whole run.

    Arguments:
        final_lr: the learning rate at the end
        start_lr: the learning rate at the beginning; the optimizer's where it is not given
    """

    final_lr: NonNegative = 0.0
    start_lr: PositiveFloat | None = keyword(None)

    def _peak(self, learning_rate: float) -> float:
        return 1.0 if self.start_lr is None else self.start_lr / learning_rate

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        lines = [f"progress = {progress(warms_up)}"]
        start = "1.0"
        if self.start_lr is not None:
            lines.append(f"start = {literal(self.start_lr)} / {literal(learning_rate)}")
            start = "start"
        if self.final_lr == 0.0:
            factor = "" if start == "1.0" else "start * "
            return [*lines, f"return {factor}{self._curve_text()}"]
        final = f"{literal(self.final_lr)} / {literal(learning_rate)}"
        return [
            *lines,
            f"final = {final}",
            f"return final + ({start} - final) * {self._curve_text()}",
        ]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        final = self.final_lr / learning_rate
        start = self._peak(learning_rate)
        return final + (start - final) * self._curve(min(1.0, step / total_steps))

    def _curve_text(self) -> str:
        """From 1 at `progress` 0 to 0 at `progress` 1, as source text that binds like a product."""
        raise NotImplementedError(self.name)

    def _curve(self, progress: float) -> float:
        raise NotImplementedError(self.name)
