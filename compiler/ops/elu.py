"""`elu`: the exponential linear unit."""

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
class Elu(Activation):
    """The exponential linear unit: the rectifier with a soft floor.

        linear(128) -> elu

    y = x where x > 0, else alpha · (eˣ − 1). The slope jumps at 0 unless alpha is 1;
    `celu` has none that jumps.

    Arguments:
        alpha: how far below 0 the floor lies

    Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by
    exponential linear units, 2015.
    """

    name: ClassVar[str] = "elu"
    call: ClassVar[str] = "F.elu"
    kept: ClassVar[str] = "x"

    alpha: PositiveFloat = 1.0

    def gain(self, inputs: Inputs) -> float:
        return mean_square(lambda z: z if z > 0 else self.alpha * math.expm1(z), 0)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Elu", b["x"], alpha=self.alpha)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(alpha=0.3), {"x": float_tensor(symbol("N"), 4)}),
        )
