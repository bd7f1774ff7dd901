"""Evenly drawn whole numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.record import component


@component
class Integer(Distribution):
    """Any whole number from one to another, both included.

        space: {depth: "integer(2, 8)"}

    Arguments:
        low: the least value
        high: the greatest value
    """

    name: ClassVar[str] = "integer"

    low: int
    high: int

    def validate(self) -> None:
        if self.low >= self.high:
            raise ComponentError(
                "E0310",
                f"the least value {self.low} is not below the greatest, {self.high}",
                blame="high",
                help="write the lesser number first",
            )
