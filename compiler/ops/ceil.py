"""`ceil`: the next whole number above."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._elementwise import Stepwise
from dlc.compiler.record import component


@component
class Ceil(Stepwise):
    """The least whole number that is not below each number; the type stays.

        x -> ceil                # 2.1 -> 3.0, -2.7 -> -2.0

    The gradient is 0.
    """

    name: ClassVar[str] = "ceil"
    call: ClassVar[str] = "torch.ceil"
    # As if the fraction that is added were even between 0 and 1.
    mean_square: ClassVar[float | None] = 4 / 3

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Ceil", b["x"]) if b.inputs.x.dtype.is_float else b["x"]
