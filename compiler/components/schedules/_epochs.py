"""What the schedules share that follow the epochs."""

from __future__ import annotations

from dlc.compiler.components.schedules._warmup import WarmupSchedule, after
from dlc.compiler.record import component


@component
class EpochSchedule(WarmupSchedule):
    """A schedule whose factor is a function of the epochs since the warm-up.

    Arguments:
        staircase: change at the ends of epochs; `false` changes a little each step
    """

    staircase: bool = True

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        division = "//" if self.staircase else "/"
        return [f"epoch = {after(warms_up)} {division} steps_per_epoch", f"return {self._text()}"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        epoch = step // steps_per_epoch if self.staircase else step / steps_per_epoch
        return self._at(epoch)

    def _text(self) -> str:
        """The factor at `epoch`, as source text."""
        raise NotImplementedError(self.name)

    def _at(self, epoch: float) -> float:
        raise NotImplementedError(self.name)
