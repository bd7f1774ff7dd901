"""`round`: the nearest whole number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._elementwise import Stepwise
from dlc.compiler.record import component


@component
class Round(Stepwise):
    """The nearest whole number, of two equally near ones the even; the type stays.

        x -> round               # 0.5 -> 0.0, 1.5 -> 2.0

    The gradient is 0.
    """

    name: ClassVar[str] = "round"
    call: ClassVar[str] = "torch.round"
    # As if the error were even between -1/2 and 1/2.
    mean_square: ClassVar[float | None] = 13 / 12

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Round", b["x"]) if b.inputs.x.dtype.is_float else b["x"]
