"""`square`: each number times itself."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Square(Elementwise):
    """Each number times itself: `x ** 2`.

        [a, b] -> sub -> square

    y = x²; whole numbers stay whole.
    """

    name: ClassVar[str] = "square"
    call: ClassVar[str] = "torch.square"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    integers: ClassVar[bool] = True
    mean_square: ClassVar[float | None] = 3.0

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Mul", b["x"], b["x"])
