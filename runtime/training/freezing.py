"""Layers that are not trained, for a while or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer


class Freezing(Hook):
    """Asks the module in every epoch which layers are trained in it. It has no state: what is
    frozen is a function of the epoch."""

    name: ClassVar[str] = "freezing"

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def epoch_began(self, epoch: int) -> None:
        self.trainer.network.freeze(self.trainer.model, epoch)


def freezing_of(plan: Plan) -> Freezing | None:
    """The hook, where the spec freezes layers."""
    transfer = plan.settings.transfer
    return Freezing() if transfer is not None and transfer.freeze else None
