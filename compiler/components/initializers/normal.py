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

    w ~ N(mean, std²). The order of positional arguments is torch's, mean first, so name
    `std`. A unit sums fan_in products, so Var(y) = fan_in · std² · E[x²]: what suits one width does
    not suit another. For embeddings, whose rows are looked up and not summed, and for networks
    published with it (0.02 in GPT-2 and BERT); else `kaiming_normal` or `xavier_normal` find the
    deviation themselves.

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

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        return self.mean**2 + self.std**2
