"""`rsqrt`: one over the square root."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Rsqrt(Elementwise):
    """One over the square root of each number.

        scale = power + 1e-6
        scale -> rsqrt

    y = 1/√x; infinite at 0, NaN below.
    """

    name: ClassVar[str] = "rsqrt"
    call: ClassVar[str] = "torch.rsqrt"
    kept: ClassVar[tuple[str, ...]] = ("y",)
    domain: ClassVar[tuple[int, int] | None] = (0, 5)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Reciprocal", b.node("Sqrt", b["x"]))
