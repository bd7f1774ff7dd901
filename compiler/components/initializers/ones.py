"""The initializer `ones`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class Ones(Initializer):
    """Gives every number the value 1.

        init: {batch_norm2d: ones}

    The scale of a normalization starts here, so that it begins as the plain one.
    """

    name: ClassVar[str] = "ones"

    def torch(self, tensor: str) -> str:
        return f"nn.init.ones_({tensor})"

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 0.0

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        return 1.0
