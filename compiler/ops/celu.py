"""`celu`: the exponential linear unit whose slope never jumps."""

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


@component
class Celu(Activation):
    """The exponential linear unit whose slope never jumps.

        linear(128) -> celu(0.5)

    y = x where x > 0, else alpha · (exp(x / alpha) − 1). With an alpha of 1 it is `elu`.

    Arguments:
        alpha: how far below 0 the floor lies

    Source: Barron, Continuously differentiable exponential linear units, 2017.
    """

    name: ClassVar[str] = "celu"
    call: ClassVar[str] = "F.celu"
    kept: ClassVar[str] = "x"

    alpha: PositiveFloat = 1.0

    def gain(self, inputs: Inputs) -> float:
        alpha = self.alpha
        return mean_square(lambda z: z if z > 0 else alpha * math.expm1(z / alpha), 0)

    def onnx(self, b: OnnxBuilder) -> str:
        # ONNX has an operator of this name, and onnxruntime no CUDA kernel for it.
        if self.alpha == 1:
            return b.node("Elu", b["x"], alpha=1.0)
        alpha = b.scalar(self.alpha, b.inputs.x.dtype)
        return b.node("Mul", b.node("Elu", b.node("Div", b["x"], alpha), alpha=1.0), alpha)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(alpha=0.3), {"x": float_tensor(symbol("N"), 4)}),
        )
