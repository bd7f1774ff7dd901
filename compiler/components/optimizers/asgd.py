"""The optimizer `asgd`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, NonNegative, PositiveFloat
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Asgd(DecayingOptimizer):
    """Averaged stochastic gradient descent, as torch has it.

        optimizer: asgd(lr=0.05)

    Steps by a rate that falls as lr / (1 + lambd lr t)^alpha, with decay `lambd`. torch keeps
    the average of the weights in its state and trains on; for averaged weights to end with,
    use `train.average`.

    Arguments:
        lr: the learning rate
        lambd: how fast the rate and the weights decay
        alpha: the power of the fall
        t0: the step at which averaging begins
        weight_decay: the weight of half the sum of squares of the weights
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging"
    (1992).
    """

    name: ClassVar[str] = "asgd"
    torch_class: ClassVar[str] = "ASGD"
    usual_lr: ClassVar[tuple[float, float]] = (1e-6, 10.0)

    lr: PositiveFloat = 1e-2
    lambd: NonNegative = 1e-4
    alpha: NonNegative = 0.75
    t0: Annotated[float, Gt(0)] = 1e6
    weight_decay: NonNegative = 0.0
