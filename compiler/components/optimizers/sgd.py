"""Stochastic gradient descent."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, NonNegative
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Sgd(DecayingOptimizer):
    """Stochastic gradient descent, with momentum if wanted.

        optimizer: sgd(lr=0.1, momentum=0.9, nesterov=true, weight_decay=1e-4)

    g = gradient + weight_decay * w; v = momentum * v + (1 - dampening) * g; w = w - lr * v.
    Nesterov's form steps by g + momentum * v instead. With `data.batch_size: all` this is
    gradient descent.

    Arguments:
        lr: the learning rate
        momentum: the share of the last step that is kept
        dampening: the share of the gradient that momentum takes away
        weight_decay: the weight of half the sum of squares of the weights
        nesterov: look ahead by the momentum; needs `momentum`, and no `dampening`
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Sutskever et al., "On the importance of initialization and momentum in deep
    learning" (2013).
    """

    name: ClassVar[str] = "sgd"
    torch_class: ClassVar[str] = "SGD"
    fused: ClassVar[bool] = True
    usual_lr: ClassVar[tuple[float, float]] = (1e-6, 10.0)
    gradients: ClassVar[frozenset[str]] = frozenset({"dense", "sparse"})

    momentum: NonNegative = 0.0
    dampening: Fraction = 0.0
    weight_decay: NonNegative = 0.0
    nesterov: bool = False

    def validate(self) -> None:
        if self.nesterov and self.momentum == 0.0:
            raise ComponentError(
                "E0311",
                "`nesterov` looks ahead by the momentum, and there is none",
                blame="nesterov",
                help="give `momentum` too, such as 0.9",
            )
        if self.nesterov and self.dampening != 0.0:
            raise ComponentError(
                "E0311",
                "`nesterov` and `dampening` exclude each other",
                blame="dampening",
                help="leave `dampening` out",
            )
        if self.dampening != 0.0 and self.momentum == 0.0:
            raise ComponentError(
                "E0311",
                "`dampening` has no effect without `momentum`",
                blame="dampening",
                help="give `momentum` too, or leave `dampening` out",
            )
