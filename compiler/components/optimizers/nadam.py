"""The optimizer `nadam`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._adam import AdamLike
from dlc.compiler.record import component


@component
class Nadam(AdamLike):
    """Adam with Nesterov's momentum.

        optimizer: nadam(lr=2e-3)

    The running mean of the gradient looks one step ahead.

    Arguments:
        lr: the learning rate
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the weight of half the sum of squares of the weights, or with
            `decoupled_weight_decay` their share taken away each step, times the learning rate
        momentum_decay: how fast momentum comes to its full strength
        decoupled_weight_decay: keep weight decay out of the running means, as `adamw` does
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016).
    """

    name: ClassVar[str] = "nadam"
    torch_class: ClassVar[str] = "NAdam"

    lr: PositiveFloat = 2e-3
    weight_decay: NonNegative = 0.0
    momentum_decay: NonNegative = 4e-3
    decoupled_weight_decay: bool = False
