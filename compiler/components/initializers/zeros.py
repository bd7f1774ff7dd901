"""The initializer `zeros`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.record import component


@component
class Zeros(Initializer):
    """Gives every number the value 0.

        init: {bias: zeros}

    Biases start here, and so may the weights of the last layer, and of the layer that ends the
    body of a residual, which then begins as the identity. As the weights of another hidden layer
    it is refused: its units would all compute the same, and hand no gradient back.

    Source: Goodfellow, Bengio and Courville, "Deep learning" (2016), section 8.4.
    """

    name: ClassVar[str] = "zeros"

    def torch(self, tensor: str) -> str:
        return f"nn.init.zeros_({tensor})"

    def variance(self, shape: tuple[int, ...]) -> float | None:
        return 0.0
