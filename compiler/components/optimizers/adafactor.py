"""The optimizer `adafactor`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le, NonNegative, PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.optimizers._decay import DecayingOptimizer
from dlc.compiler.record import component


@component
class Adafactor(DecayingOptimizer):
    """Adafactor: running means of squares by rows and columns, in little memory.

        optimizer: adafactor(lr=1e-2)

    As `adam`, but of a matrix of squares only the means of rows and columns are kept; no
    running mean of the gradient; steps relative to the size of the weights, and clipped.
    Weight decay stays out of the gradient, as in `adamw`.

    Arguments:
        lr: the learning rate
        beta2_decay: the power by which the running mean of squares forgets less and less
        eps: what keeps the divisor from 0, `null` for the precision of the number format; and
            the least size of weights
        d: the size at which a step is clipped
        weight_decay: the share of the weights taken away each step, times the learning rate
        no_decay: what weight decay leaves alone; `bias`, and `norm` for the scales and shifts
            of normalizations
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Shazeer and Stern, "Adafactor: Adaptive learning rates with sublinear memory cost"
    (2018).
    """

    name: ClassVar[str] = "adafactor"
    torch_class: ClassVar[str] = "Adafactor"
    usual_lr: ClassVar[tuple[float, float]] = (1e-6, 1.0)

    lr: PositiveFloat = 1e-2
    beta2_decay: Annotated[float, Ge(-1), Le(0)] = -0.8
    eps: tuple[PositiveFloat | None, PositiveFloat | None] = (None, 1e-3)
    d: Annotated[float, Ge(1)] = 1.0
    weight_decay: NonNegative = 0.0

    def validate(self) -> None:
        if self.eps[1] is None:
            raise ComponentError(
                "E0301",
                "the second of `eps` wants a number above 0, got `null`",
                blame="eps",
                help="write `eps=[null, 1e-3]`",
            )
