"""The optimizer `adam`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.optimizers._adam import AdamLike
from dlc.compiler.record import component


@component
class Adam(AdamLike):
    """Adam, with `weight_decay` added to the gradient, as L2 is.

        optimizer: adam(lr=2e-3)

    w = w - lr * m / (sqrt(v) + eps), where m and v are running means of the gradient and of
    its square, corrected for their start at 0. For decay that stays out of the running means
    use `adamw`.

    Arguments:
        lr: the learning rate
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the weight of half the sum of squares of the weights
        amsgrad: divide by the greatest running mean so far
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Kingma and Ba, "Adam: A method for stochastic optimization" (2014).
    """

    name: ClassVar[str] = "adam"
    torch_class: ClassVar[str] = "Adam"
    fused: ClassVar[bool] = True

    weight_decay: NonNegative = 0.0
    amsgrad: bool = False
