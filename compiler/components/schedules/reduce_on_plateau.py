"""A learning rate that falls when progress stops."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Lt, Natural, NonNegative
from dlc.compiler.components.schedules._warmup import WarmupSchedule
from dlc.compiler.components.text import literal
from dlc.compiler.record import component


@component
class ReduceOnPlateau(WarmupSchedule):
    """Lowers the learning rate when the monitored figure no longer improves.

        schedule: reduce_on_plateau(factor=0.5, patience=1)

    After more than `patience` validations without an improvement the learning rate is
    multiplied by `factor`. Whether more or less is better follows from the figure. A
    validation during the warm-up counts too.

    Arguments:
        factor: the factor of a fall
        patience: how many validations in a row may pass without an improvement
        threshold: the least relative change that counts as an improvement
        cooldown: validations after a fall that are not counted
        min_lr: the least learning rate
        monitor: `val_loss`, or `val_` and the name of a metric
        warmup_steps: the steps over which the rate first rises in a straight line
        warmup_epochs: the same in epochs

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    name: ClassVar[str] = "reduce_on_plateau"
    follows_validations: ClassVar[bool] = True

    factor: Annotated[float, Gt(0), Lt(1)] = 0.1
    patience: Natural = 10
    threshold: NonNegative = 1e-4
    cooldown: Natural = 0
    min_lr: NonNegative = 0.0
    monitor: str = "val_loss"

    def plateau(self, higher_is_better: bool) -> dict[str, str]:
        """The keyword arguments of torch's ReduceLROnPlateau, as source text."""
        given = {"mode": '"max"'} if higher_is_better else {}
        names = ("factor", "patience", "threshold", "cooldown", "min_lr")
        return given | {name: literal(getattr(self, name)) for name in names}

    def _torch_after(self, learning_rate: float, warms_up: bool) -> list[str]:
        return ["return 1.0"]

    def _factor_after(
        self, step: int, total_steps: int, steps_per_epoch: int, learning_rate: float
    ) -> float:
        return 1.0
