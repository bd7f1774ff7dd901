"""The base of schedules."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Schedule(Component):
    """How the learning rate moves over the steps of a run. `follows_validations` says that the
    steps alone do not tell."""

    kind: ClassVar[str] = "schedule"
    follows_validations: ClassVar[bool] = False

    def torch(self, *, learning_rate: float) -> str:
        """The body of `factor(step: int) -> float` as source lines: the learning rate at a
        step over the optimizer's own (`learning_rate`). `total_steps` and
        `steps_per_epoch` are in scope, as are `math` and the locals it defines."""
        raise NotImplementedError(self.name)

    def factor_at(
        self, step: int, *, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        """The same as a number, for charts and tests."""
        raise NotImplementedError(self.name)
