"""The optimizer `rprop`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.optimizers._groups import GroupedOptimizer
from dlc.compiler.record import component


@component
class Rprop(GroupedOptimizer):
    """Resilient backpropagation: steps by the sign of the gradient, each weight at its own size.

        data: {batch_size: all}
        optimizer: rprop(lr=0.01)

    A weight's step grows while the sign of its gradient stays and shrinks when it turns. That
    compares gradients of one and the same loss: it is for the full batch.

    Arguments:
        lr: the size of the first step
        etas: what a step is multiplied by when the sign turns, and when it stays
        step_sizes: the least and the greatest step
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation
    learning: The RPROP algorithm" (1993).
    """

    name: ClassVar[str] = "rprop"
    torch_class: ClassVar[str] = "Rprop"
    usual_lr: ClassVar[tuple[float, float]] = (1e-6, 1.0)
    full_batch: ClassVar[bool] = True

    lr: PositiveFloat = 1e-2
    etas: tuple[PositiveFloat, PositiveFloat] = (0.5, 1.2)
    step_sizes: tuple[PositiveFloat, PositiveFloat] = (1e-6, 50.0)

    def validate(self) -> None:
        if not self.etas[0] < 1.0 < self.etas[1]:
            raise ComponentError(
                "E0302",
                "`etas` wants a number below 1 and one above 1",
                blame="etas",
                help="write `etas=[0.5, 1.2]`",
            )
        if self.step_sizes[0] >= self.step_sizes[1]:
            raise ComponentError(
                "E0302",
                "`step_sizes` wants the smaller number first",
                blame="step_sizes",
                help="write `step_sizes=[1e-6, 50]`",
            )
