"""The natural logarithm."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import NumberStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT
from dlc.compiler.record import component


@component
class Log(NumberStep):
    """The natural logarithm, for values that spread over orders of magnitude.

        preprocess: {price: [log(offset=1), standardize]}

    y = ln(x + offset). With an offset of 1 zeros stay zeros, as in `log1p`. A row whose sum is
    not above 0 is refused.

    Arguments:
        offset: what is added first
    """

    name: ClassVar[str] = "log"
    partial: ClassVar[bool] = True

    offset: float = 0.0

    def onnx(self, b: OnnxBuilder) -> str:
        value = to_float(b)
        if self.offset != 0.0:
            value = b.node("Add", value, b.scalar(self.offset, FLOAT))
        return b.node("Log", value)
