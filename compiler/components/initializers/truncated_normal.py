"""The truncated normal initializer."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class TruncatedNormal(Initializer):
    """Draws from a normal distribution cut off at two values.

        init: {linear: truncated_normal(std=0.02)}

    w ~ N(mean, std²), drawn again until a ≤ w ≤ b. The ends are values, not multiples of `std`:
    by default a small `std` is hardly cut at all. The variance after a cut at k deviations on both
    sides is std² · (1 - 2 k φ(k) / (2 Φ(k) - 1)), 0.7737 of std² for k = 2. For weights without
    outliers, which `lecun_normal` and `variance_scaling` give with a variance that fits the shape.

    Arguments:
        mean: the mean before the cut
        std: the standard deviation before the cut
        a: the least value
        b: the greatest value
    """

    name: ClassVar[str] = "truncated_normal"

    mean: float = 0.0
    std: PositiveFloat = 1.0
    a: float = -2.0
    b: float = 2.0

    def validate(self) -> None:
        if self.a >= self.b:
            raise ComponentError(
                "E0310",
                f"the least value {self.a:g} is not below the greatest, {self.b:g}",
                blame="b",
                help="write `a` below `b`",
            )

    def torch(self, tensor: str) -> str:
        defaults = {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}
        keywords = {
            key: literal(getattr(self, key))
            for key, default in defaults.items()
            if getattr(self, key) != default
        }
        return call("nn.init.trunc_normal_", [tensor], keywords)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        moments = self._moments()
        return None if moments is None else moments[1]

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        moments = self._moments()
        return None if moments is None else moments[0] ** 2 + moments[1]

    def _moments(self) -> tuple[float, float] | None:
        """Mean and variance after the cut; None where the ends lie too far out to tell."""
        low, high = (self.a - self.mean) / self.std, (self.b - self.mean) / self.std
        mass = _cumulative(high) - _cumulative(low)
        if mass <= 0.0:
            return None
        shift = (_density(low) - _density(high)) / mass
        edges = (_edge(low) - _edge(high)) / mass
        return self.mean + self.std * shift, self.std**2 * (1.0 + edges - shift * shift)


def _cumulative(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) if math.isfinite(x) else 0.0


def _edge(x: float) -> float:
    return x * _density(x) if math.isfinite(x) else 0.0
