"""What the optimizers share that descend from adam."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat, Probability
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class AdamLike(DecayingOptimizer):
    """Steps by the running mean of the gradient over the root of that of its square.

    Arguments:
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
    """

    usual_lr: ClassVar[tuple[float, float]] = (1e-7, 0.1)

    betas: tuple[Probability, Probability] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
