"""Evenly drawn numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.record import component


@component
class Uniform(Distribution):
    """Any number between two, evenly.

        space: {p: "uniform(0.1, 0.5)"}

    Arguments:
        low: the least value
        high: the greatest value
    """

    name: ClassVar[str] = "uniform"

    low: float
    high: float

    def validate(self) -> None:
        if self.low >= self.high:
            raise ComponentError(
                "E0310",
                f"the least value {self.low:g} is not below the greatest, {self.high:g}",
                blame="high",
                help="write the lesser number first",
            )
