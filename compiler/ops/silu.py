"""`silu`: the sigmoid-weighted linear unit, or swish."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Silu(Activation):
    """The sigmoid-weighted linear unit, also called swish.

        conv2d(64, 3, padding=1, bias=false) -> batch_norm2d -> silu

    y = x · sigmoid(x).

    Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, 2017.
    """

    name: ClassVar[str] = "silu"
    call: ClassVar[str] = "F.silu"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.3558

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Mul", b["x"], b.node("Sigmoid", b["x"]))
