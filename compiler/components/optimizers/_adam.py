"""What adam and adamw share."""

from __future__ import annotations

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

    betas: tuple[Probability, Probability] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
