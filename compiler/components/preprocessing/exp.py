"""The exponential."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import NumberStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.record import component


@component
class Exp(NumberStep):
    """The exponential, which takes a logarithm back.

        preprocess: {log_price: exp}

    y = e^x. Above 88 a float has no room for it, and the row is refused.
    """

    name: ClassVar[str] = "exp"
    partial: ClassVar[bool] = True

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Exp", to_float(b))
