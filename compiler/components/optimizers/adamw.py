"""The optimizer `adamw`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.optimizers._adam import AdamLike
from dlc.compiler.record import component


@component
class Adamw(AdamLike):
    """AdamW, with weight decay that stays out of the running means.

        optimizer: adamw(lr=3e-4, weight_decay=0.05, no_decay=[bias, norm])

    w = w - lr * weight_decay * w, then w = w - lr * m / (sqrt(v) + eps), where m and v are
    running means of the gradient and of its square, corrected for their start at 0.

    Arguments:
        lr: the learning rate
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the share of the weights taken away each step, times the learning rate
        amsgrad: divide by the greatest running mean so far
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2017).
    """

    name: ClassVar[str] = "adamw"
    torch_class: ClassVar[str] = "AdamW"
    fused: ClassVar[bool] = True

    weight_decay: NonNegative = 0.01
    amsgrad: bool = False
