"""`hardtanh`: the hyperbolic tangent in three straight lines."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops._normal import mean_square
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Hardtanh(Activation):
    """The hyperbolic tangent in three straight lines.

        linear(64) -> hardtanh
        linear(64) -> hardtanh(0, 20)       # a rectifier with a ceiling

    y = min(max(x, min_val), max_val). Outside of the two there is no gradient.

    Arguments:
        min_val: the least that comes out
        max_val: the most that comes out

    Source: Collobert, Large scale machine learning, 2004.
    """

    name: ClassVar[str] = "hardtanh"
    call: ClassVar[str] = "F.hardtanh"
    kept: ClassVar[str] = "x"

    min_val: float = -1.0
    max_val: float = 1.0

    def validate(self) -> None:
        if self.min_val >= self.max_val:
            blame = "max_val" if self.max_val != 1 else "min_val"
            raise OpError(
                "E0310",
                f"`min_val` must be less than `max_val`, got {self.min_val:g} and {self.max_val:g}",
                blame=blame,
                help="give the lower end first: `hardtanh(-1, 1)`",
            )

    def gain(self, inputs: Inputs) -> float:
        low, high = self.min_val, self.max_val
        return mean_square(lambda z: min(max(z, low), high), low, high)

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.inputs.x.dtype
        return b.node("Clip", b["x"], b.scalar(self.min_val, dtype), b.scalar(self.max_val, dtype))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            *super().examples(),
            Example(cls(min_val=0.0, max_val=20.0), {"x": float_tensor(n, 4)}),
            Example(cls(max_val=0.5), {"x": float_tensor(n, 4)}),
        )
