"""The optimizer `radam`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.optimizers._adam import AdamLike
from dlc.compiler.record import component


@component
class Radam(AdamLike):
    """Adam that adapts only once the running mean of squares can be trusted.

        optimizer: radam(lr=1e-3)

    The first steps are those of momentum; it needs no warm-up.

    Arguments:
        lr: the learning rate
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the weight of half the sum of squares of the weights, or with
            `decoupled_weight_decay` their share taken away each step, times the learning rate
        decoupled_weight_decay: keep weight decay out of the running means, as `adamw` does
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2019).
    """

    name: ClassVar[str] = "radam"
    torch_class: ClassVar[str] = "RAdam"

    weight_decay: NonNegative = 0.0
    decoupled_weight_decay: bool = False
