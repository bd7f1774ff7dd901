"""`softshrink`: every number moves towards 0, and stops there."""

from __future__ import annotations

import math
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
class Softshrink(Activation):
    """Every number moves towards 0 by `lambd`, and stops there.

        linear(64) -> softshrink(0.1)      # sparse codes

    y = x − lambd where x > lambd, x + lambd where x < −lambd, else 0.

    Arguments:
        lambd: how far a number moves; PyTorch spells it so, as `lambda` is a word of Python

    Source: Donoho, De-noising by soft-thresholding, 1995.
    """

    name: ClassVar[str] = "softshrink"
    call: ClassVar[str] = "F.softshrink"
    kept: ClassVar[str] = "x"

    lambd: NonNegative = 0.5

    def gain(self, inputs: Inputs) -> float:
        by = self.lambd
        return mean_square(lambda z: math.copysign(max(abs(z) - by, 0.0), z), -by, by)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Shrink", b["x"], lambd=self.lambd, bias=self.lambd)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(lambd=0.1), {"x": float_tensor(symbol("N"), 4)}),
            Example(cls(lambd=0.0), {"x": float_tensor(symbol("N"), 4)}),
        )
