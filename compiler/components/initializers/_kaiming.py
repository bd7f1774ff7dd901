"""What the two Kaiming initializers share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.initializers._fan import Nonlinearity, fans, gain
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Kaiming(Initializer):
    """Variance `gain(nonlinearity)^2 / fan`."""

    least_rank: ClassVar[int] = 2

    a: NonNegative = 0.0
    mode: Literal["fan_in", "fan_out"] = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"

    def torch(self, tensor: str) -> str:
        keywords = {}
        if self.a != 0.0:
            keywords["a"] = literal(self.a)
        if self.mode != "fan_in":
            keywords["mode"] = literal(self.mode)
        if self.nonlinearity != "leaky_relu":
            keywords["nonlinearity"] = literal(self.nonlinearity)
        return call(f"nn.init.{self.name}_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        fan = fans(shape)[self.mode == "fan_out"]
        return gain(self.nonlinearity, self.a) ** 2 / fan
