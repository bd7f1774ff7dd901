"""The optimizer `adadelta`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Adadelta(DecayingOptimizer):
    """Adadelta: the steps have the units of the weights, and need no learning rate.

        optimizer: adadelta(rho=0.95)

    w = w - lr * sqrt(u + eps) / sqrt(v + eps) * g, where v and u are running means of the
    square of the gradient and of the step.

    Arguments:
        lr: a factor on the steps
        rho: how much of the running means is kept each step
        eps: what keeps the divisor from 0, and what the first steps are made of
        weight_decay: the weight of half the sum of squares of the weights
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Zeiler, "ADADELTA: An adaptive learning rate method" (2012).
    """

    name: ClassVar[str] = "adadelta"
    torch_class: ClassVar[str] = "Adadelta"
    usual_lr: ClassVar[tuple[float, float]] = (1e-3, 10.0)

    lr: PositiveFloat = 1.0
    rho: Fraction = 0.9
    eps: PositiveFloat = 1e-6
    weight_decay: NonNegative = 0.0
