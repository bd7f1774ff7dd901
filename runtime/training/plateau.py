"""The learning rate that follows the validations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dlc.compiler.components.schedules.reduce_on_plateau import ReduceOnPlateau
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan

if TYPE_CHECKING:
    import torch

    from dlc.runtime.training.trainer import Trainer

# What torch's scheduler counts; all else follows from the spec.
_COUNTED = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")


class Plateau(Hook):
    """Steps the module's `plateau` by a figure after each validation.

    The learning rates themselves are the optimizer's, and kept with it.
    """

    name: ClassVar[str] = "plateau"

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self._scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None
        self._restored: dict[str, Any] = {}

    def began(self, trainer: Trainer) -> None:
        self._scheduler = trainer.network.plateau(trainer.optimizer)
        for name, value in self._restored.items():
            setattr(self._scheduler, name, value)

    def validated(self, figures: Mapping[str, float], step: int) -> None:
        assert self._scheduler is not None
        self._scheduler.step(figures[self.monitor])

    def state(self) -> dict[str, Any]:
        if self._scheduler is None:
            return {}
        found = {name: getattr(self._scheduler, name) for name in _COUNTED}
        # Nothing was seen yet: JSON has no infinity.
        return {k: v for k, v in found.items() if math.isfinite(v)}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self._restored = dict(state)


def plateau_of(plan: Plan) -> Plateau | None:
    """The hook of a plan whose schedule is `reduce_on_plateau`."""
    schedule = plan.settings.schedule
    return Plateau(schedule.monitor) if isinstance(schedule, ReduceOnPlateau) else None
