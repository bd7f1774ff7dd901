"""A learning rate that falls when progress stops."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Lt, Natural, NonNegative
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.record import component


@component
class ReduceOnPlateau(Schedule):
    """Lowers the learning rate when the monitored figure no longer improves.

        schedule: reduce_on_plateau(factor=0.5, patience=1)

    After more than `patience` validations without an improvement the learning rate is
    multiplied by `factor`.

    Arguments:
        factor: the factor of a fall
        patience: how many validations in a row may pass without an improvement
        threshold: the least relative change that counts as an improvement
        cooldown: validations after a fall that are not counted
        min_lr: the least learning rate
        monitor: `val_loss`, or `val_` and the name of a metric

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    name: ClassVar[str] = "reduce_on_plateau"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "the rate does not follow the validation loss yet: use `cosine`, `linear` or `step`"
    )

    factor: Annotated[float, Gt(0), Lt(1)] = 0.1
    patience: Natural = 10
    threshold: NonNegative = 1e-4
    cooldown: Natural = 0
    min_lr: NonNegative = 0.0
    monitor: str = "val_loss"
