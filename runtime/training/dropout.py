"""Rates of dropout that change over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer


class DropoutRates(Hook):
    """Calls the module's `set_dropout` before each epoch. The rates are a function of the
    epoch, so that there is nothing to keep."""

    name: ClassVar[str] = "dropout"

    def __init__(self) -> None:
        self._trainer: Trainer | None = None

    def began(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def epoch_began(self, epoch: int) -> None:
        assert self._trainer is not None
        self._trainer.network.set_dropout(self._trainer.model, epoch)


def dropout_rates_of(plan: Plan) -> DropoutRates | None:
    """The hook of a plan whose rates of dropout change."""
    return DropoutRates() if plan.settings.train.dropout else None
