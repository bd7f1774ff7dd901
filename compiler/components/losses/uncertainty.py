"""Weights of several losses, learned from how uncertain each of them is."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.record import component

#: The parameter of the generated module that holds a number for each loss.
LOG_VARIANCES = "log_variances"


@component
class Uncertainty(Loss):
    """Learned weights of several losses: how uncertain the network is of each task.

        loss: uncertainty(cross_entropy(breed, breed_label), mse_loss(age, age_value))

    The sum over the losses L of exp(-s) L + s / 2, for `mse_loss` of exp(-s) L / 2 + s / 2; s is
    the logarithm of the variance of the task, which is learned with the network and begins at 0.
    A loss that stays large is given little weight, and s / 2 keeps the weights from vanishing.

    The numbers are the parameter `log_variances` of the generated module: the optimizer steps
    it, without weight decay, checkpoints keep it, and an exported file lacks it. `val_loss` and
    `dlc evaluate` weigh all losses alike, by 1: learned weights differ from epoch to epoch, so
    that figures by them could not be compared. Watch a metric where the losses are of very
    different sizes. May be a part of a weighted sum itself.

    Arguments:
        losses: two losses or more

    Source: Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for
    Scene Geometry and Semantics" (2018).
    """

    name: ClassVar[str] = "uncertainty"
    variadic: ClassVar[str | None] = "losses"

    losses: tuple[Loss, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for loss in self.losses for name in loss.names))

    def validate(self) -> None:
        if len(self.losses) < 2:
            raise ComponentError(
                "E0315",
                "`uncertainty` weighs several losses against each other, and there is one",
                blame="losses",
                help="write the loss by itself",
            )
        if any(isinstance(loss, Uncertainty) for loss in self.losses):
            raise ComponentError(
                "E0315",
                "`uncertainty` stands in `uncertainty`",
                blame="losses",
                help="list all losses in one",
            )
