"""The constant initializer."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.text import call, literal
from dlc.compiler.record import component


@component
class Constant(Initializer):
    """Gives every number the same value.

        linear: {out_features: 1, bias_init: constant(3.5)}

    For biases. As the weights of a hidden layer any constant is refused: units that start equal
    compute the same, get equal gradients where what reads them is equal too, and stay equal.

    Arguments:
        val: the value
    """

    name: ClassVar[str] = "constant"

    val: float

    def torch(self, tensor: str) -> str:
        return call("nn.init.constant_", [tensor, literal(self.val)], {})

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 0.0

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        return self.val**2
