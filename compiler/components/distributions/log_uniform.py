"""Evenly drawn magnitudes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.record import component


@component
class LogUniform(Distribution):
    """Any number between two, evenly in its logarithm.

        space: {optimizer.lr: "log_uniform(1e-4, 1e-1)"}

    For learning rates and penalties, where a factor counts and not a difference.

    Arguments:
        low: the least value, above 0
        high: the greatest value
    """

    name: ClassVar[str] = "log_uniform"

    low: PositiveFloat
    high: PositiveFloat

    def validate(self) -> None:
        if self.low >= self.high:
            raise ComponentError(
                "E0310",
                f"the least value {self.low:g} is not below the greatest, {self.high:g}",
                blame="high",
                help="write the lesser number first",
            )
