"""The normal initializer."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Normal(Initializer):
    """Draws from a normal distribution.

        init: {embedding: normal(std=0.02)}

    w ~ N(mean, std^2). The order of positional arguments is torch's, mean first, so name
    `std`.

    Arguments:
        mean: the mean
        std: the standard deviation
    """

    name: ClassVar[str] = "normal"

    mean: float = 0.0
    std: NonNegative = 1.0

    def torch(self, tensor: str) -> str:
        keywords = {}
        if self.mean != 0.0:
            keywords["mean"] = literal(self.mean)
        if self.std != 1.0:
            keywords["std"] = literal(self.std)
        return call("nn.init.normal_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return self.std**2
