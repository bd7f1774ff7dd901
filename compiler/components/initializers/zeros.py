"""The initializer `zeros`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class Zeros(Initializer):
    """Gives every number the value 0.

        init: {bias: zeros}

    Biases start here. Units whose weights are all zero stay equal for ever.
    """

    name: ClassVar[str] = "zeros"

    def torch(self, tensor: str) -> str:
        return f"nn.init.zeros_({tensor})"

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 0.0
