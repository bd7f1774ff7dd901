"""`floor`: the next whole number below."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._elementwise import Stepwise
from dlc.compiler.record import component


@component
class Floor(Stepwise):
    """The greatest whole number that is not above each number; the type stays.

        x -> floor               # 2.7 -> 2.0, -2.1 -> -3.0

    The gradient is 0. `to(int)` makes int, and cuts towards 0.
    """

    name: ClassVar[str] = "floor"
    call: ClassVar[str] = "torch.floor"
    # As if the fraction that goes were even between 0 and 1.
    mean_square: ClassVar[float | None] = 4 / 3

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Floor", b["x"]) if b.inputs.x.dtype.is_float else b["x"]
