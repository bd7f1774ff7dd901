"""`gelu`: the Gaussian error linear unit."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Gelu(Activation):
    """The Gaussian error linear unit.

        linear(4 * dim) -> gelu -> linear(dim)

    y = x · Φ(x), with Φ the normal distribution function.

    Arguments:
        approximate: `none` is exact; `tanh` is the approximation of GPT-2

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """

    name: ClassVar[str] = "gelu"
    call: ClassVar[str] = "F.gelu"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.4252

    approximate: Literal["none", "tanh"] = "none"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Gelu", b["x"], approximate=self.approximate)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(approximate="tanh"), {"x": float_tensor(symbol("N"), 4)}),
        )
