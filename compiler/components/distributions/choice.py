"""One of several values."""

from __future__ import annotations

from typing import Any, ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.record import component


@component
class Choice(Distribution):
    """One of several values.

        space: {hidden: "choice(64, 128, 256)"}

    Arguments:
        values: the values: numbers, words, or calls such as `adam(lr=1e-3)`
    """

    name: ClassVar[str] = "choice"
    variadic: ClassVar[str | None] = "values"

    values: tuple[Any, ...]

    def validate(self) -> None:
        if len(self.values) < 2:
            raise ComponentError(
                "E0303",
                "`choice` needs at least two values to choose from",
                blame="values",
                help="set the value itself where there is no choice",
            )
