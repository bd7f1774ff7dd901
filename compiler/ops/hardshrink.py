"""`hardshrink`: small numbers become 0."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops._normal import mean_square
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Hardshrink(Activation):
    """Small numbers become 0, large ones stay.

        linear(64) -> hardshrink(0.1)      # sparse codes

    y = x where |x| > lambd, else 0.

    Arguments:
        lambd: up to which magnitude a number is small; PyTorch spells it so, as `lambda` is
            a word of Python

    Source: Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, 1994.
    """

    name: ClassVar[str] = "hardshrink"
    call: ClassVar[str] = "F.hardshrink"
    kept: ClassVar[str] = "x"

    lambd: NonNegative = 0.5

    def gain(self, inputs: Inputs) -> float:
        small = self.lambd
        return mean_square(lambda z: z if abs(z) > small else 0.0, -small, small)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Shrink", b["x"], lambd=self.lambd, bias=0.0)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(lambd=0.1), {"x": float_tensor(symbol("N"), 4)}),
            Example(cls(lambd=0.0), {"x": float_tensor(symbol("N"), 4)}),
        )
