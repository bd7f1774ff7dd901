"""What the two Kaiming initializers share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers._fan import Nonlinearity, fans, gain, torch_name
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

    def validate(self) -> None:
        if self.a != 0.0 and self.nonlinearity != "leaky_relu":
            raise ComponentError(
                "E0311",
                f"`a` is the slope of `leaky_relu`, and the nonlinearity is `{self.nonlinearity}`",
                blame="a",
                help="leave out `a`, or write `nonlinearity=leaky_relu`",
            )

    def torch(self, tensor: str) -> str:
        name = torch_name(self.nonlinearity)
        keywords = {}
        if self.a != 0.0:
            keywords["a"] = literal(self.a)
        if self.mode != "fan_in":
            keywords["mode"] = literal(self.mode)
        if name != "leaky_relu":
            keywords["nonlinearity"] = literal(name or "linear")
        filled = call(f"nn.init.{self.name}_", [tensor], keywords)
        return filled if name else f"{filled}.mul_({literal(gain(self.nonlinearity))})"

    def variance(self, shape: tuple[int, ...]) -> float | None:
        if len(shape) < 2:
            return None
        fan = fans(shape)[self.mode == "fan_out"]
        return gain(self.nonlinearity, self.a) ** 2 / fan
