"""The optimizer `rmsprop`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Rmsprop(DecayingOptimizer):
    """RMSprop: steps by the gradient over the root of the running mean of its square.

        optimizer: rmsprop(lr=1e-3, momentum=0.9)

    w = w - lr * g / (sqrt(v) + eps); with `centered` v is less the square of the running mean
    of the gradient, an estimate of the variance.

    Arguments:
        lr: the learning rate
        alpha: how much of the running mean of squares is kept each step
        eps: what keeps the divisor from 0
        weight_decay: the weight of half the sum of squares of the weights
        momentum: the share of the last step that is kept
        centered: divide by the deviation in place of the root mean square
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Tieleman and Hinton, "Lecture 6.5: RMSprop" (2012); Graves, "Generating sequences
    with recurrent neural networks" (2013), for `centered`.
    """

    name: ClassVar[str] = "rmsprop"
    torch_class: ClassVar[str] = "RMSprop"
    usual_lr: ClassVar[tuple[float, float]] = (1e-7, 0.1)

    lr: PositiveFloat = 1e-2
    alpha: Fraction = 0.99
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegative = 0.0
    momentum: NonNegative = 0.0
    centered: bool = False
