"""What the initializers share that begin where the targets of the training part say."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class FromTargets(Initializer):
    """The bias of an output, from the target that a loss compares the output with.

    `losses` are those for which such a start is the best constant answer, or close to it.
    """

    least_rank: ClassVar[int] = 1
    most_rank: ClassVar[int | None] = 1
    reads: ClassVar[Literal["", "targets", "signals"]] = "targets"
    losses: ClassVar[tuple[str, ...]] = ()

    def torch(self, tensor: str) -> str:
        return f"nn.init.zeros_({tensor})"
