"""The optimizer `adamax`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._adam import AdamLike
from dlc.compiler.record import component


@component
class Adamax(AdamLike):
    """Adam with the greatest gradient so far, slowly forgotten, as the divisor.

        optimizer: adamax(lr=2e-3)

    w = w - lr * m / u, where m is the running mean of the gradient, corrected for its start at
    0, and u = max(beta2 u, |g| + eps).

    Arguments:
        lr: the learning rate
        betas: how much of the running mean of the gradient and of its maximum is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the weight of half the sum of squares of the weights
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Kingma and Ba, "Adam: A method for stochastic optimization" (2014), section 7.1.
    """

    name: ClassVar[str] = "adamax"
    torch_class: ClassVar[str] = "Adamax"

    lr: PositiveFloat = 2e-3
    weight_decay: NonNegative = 0.0
