"""`softplus`: a smooth rectifier, above 0 everywhere."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops._normal import mean_square
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component

# A step at the threshold that is smaller than this is lost in the rounding of float32.
_UNSEEN = 1e-7


@component
class Softplus(Activation):
    """A smooth rectifier, above 0 everywhere.

        linear(1) -> softplus        # a deviation, a rate: what must be positive

    y = log(1 + exp(beta · x)) / beta; where beta · x is above the threshold, x itself.

    Arguments:
        beta: how sharp the bend is; the larger, the nearer to `relu`
        threshold: the beta · x from which on y is x

    Source: Dugas et al., Incorporating second-order functional knowledge for better option
    pricing, 2000.
    """

    name: ClassVar[str] = "softplus"
    call: ClassVar[str] = "F.softplus"
    kept: ClassVar[str] = "x"

    beta: PositiveFloat = 1.0
    threshold: float = 20.0

    def _at(self, z: float) -> float:
        scaled = self.beta * z
        return z if scaled > self.threshold else _softplus(scaled) / self.beta

    def gain(self, inputs: Inputs) -> float:
        return mean_square(self._at, 0, self.threshold / self.beta)

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.inputs.x.dtype
        if self.beta == 1:
            scaled = b["x"]
            y = b.node("Softplus", scaled)
        else:
            beta = b.scalar(self.beta, dtype)
            scaled = b.node("Mul", b["x"], beta)
            y = b.node("Div", b.node("Softplus", scaled), beta)
        if _softplus(-self.threshold) / self.beta < _UNSEEN:
            return y
        linear = b.node("Greater", scaled, b.scalar(self.threshold, dtype))
        return b.node("Where", linear, b["x"], y)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            *super().examples(),
            Example(cls(beta=2.0), {"x": float_tensor(n, 4)}),
            Example(cls(beta=0.5, threshold=0.2), {"x": float_tensor(n, 4)}),
            Example(cls(threshold=-1.0), {"x": float_tensor(n, 4)}),
        )


def _softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))
