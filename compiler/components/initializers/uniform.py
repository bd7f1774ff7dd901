"""The uniform initializer."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Uniform(Initializer):
    """Draws evenly between two values.

        init: {embedding: "uniform(-0.05, 0.05)"}

    w ~ U(a, b), of variance (b - a)² / 12. A unit sums fan_in products, so what suits one width
    does not suit another; `kaiming_uniform` and `xavier_uniform` find the ends themselves. In YAML
    braces the call is quoted, for a comma ends a value there.

    Arguments:
        a: the least value
        b: the greatest value
    """

    name: ClassVar[str] = "uniform"

    a: float = 0.0
    b: float = 1.0

    def validate(self) -> None:
        if self.a >= self.b:
            raise ComponentError(
                "E0310",
                f"the least value {self.a:g} is not below the greatest, {self.b:g}",
                blame="b",
                help="write `a` below `b`",
            )

    def torch(self, tensor: str) -> str:
        return call("nn.init.uniform_", [tensor, literal(self.a), literal(self.b)], {})

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return (self.b - self.a) ** 2 / 12.0

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        return (self.a**2 + self.a * self.b + self.b**2) / 3.0
