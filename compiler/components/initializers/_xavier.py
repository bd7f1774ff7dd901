"""What the two Xavier initializers share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.initializers._fan import fans
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Xavier(Initializer):
    """Variance `gain^2 * 2 / (fan_in + fan_out)`.

    Arguments:
        gain: a factor on the standard deviation
    """

    least_rank: ClassVar[int] = 2

    gain: PositiveFloat = 1.0

    def torch(self, tensor: str) -> str:
        keywords = {} if self.gain == 1.0 else {"gain": literal(self.gain)}
        return call(f"nn.init.{self.name}_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        return self.gain**2 * 2.0 / sum(fans(shape))
