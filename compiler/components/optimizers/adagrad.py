"""The optimizer `adagrad`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Adagrad(DecayingOptimizer):
    """Adagrad: each weight learns more slowly the more it has moved.

        optimizer: adagrad(lr=0.05)

    w = w - lr / (1 + t lr_decay) * g / (sqrt(sum of g^2) + eps). Good where inputs are sparse:
    what is seldom seen keeps a large rate.

    Arguments:
        lr: the learning rate
        lr_decay: how fast the learning rate falls by itself
        weight_decay: the weight of half the sum of squares of the weights
        initial_accumulator_value: what the sums of squares begin with
        eps: what keeps the divisor from 0
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization" (2011).
    """

    name: ClassVar[str] = "adagrad"
    torch_class: ClassVar[str] = "Adagrad"
    fused: ClassVar[bool] = True
    usual_lr: ClassVar[tuple[float, float]] = (1e-5, 1.0)
    gradients: ClassVar[frozenset[str]] = frozenset({"dense", "sparse"})

    lr: PositiveFloat = 1e-2
    lr_decay: NonNegative = 0.0
    weight_decay: NonNegative = 0.0
    initial_accumulator_value: NonNegative = 0.0
    eps: PositiveFloat = 1e-10
