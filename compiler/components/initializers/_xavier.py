"""What the two Xavier initializers share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.initializers._fan import Nonlinearity, fans, gain_text, gain_value
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call
from dlc.compiler.record import component


@component
class Xavier(Initializer):
    """Variance `gain^2 * 2 / (fan_in + fan_out)`.

    Arguments:
        gain: a factor on the standard deviation: a number, or the nonlinearity behind the
            weight (`tanh` is 5/3)
    """

    least_rank: ClassVar[int] = 2

    gain: PositiveFloat | Nonlinearity = 1.0

    def torch(self, tensor: str) -> str:
        keywords = {} if gain_value(self.gain) == 1.0 else {"gain": gain_text(self.gain)}
        return call(f"nn.init.{self.name}_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        return gain_value(self.gain) ** 2 * 2.0 / sum(fans(shape))
