"""The tangent."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._numbers import NumberStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.record import component


@component
class Tan(NumberStep):
    """The tangent of angles.

        preprocess: {slope: [scale(0.0174533), tan]}

    y = tan x, x in radians: `scale` turns degrees into them. Near ±π/2 it grows without bound.
    """

    name: ClassVar[str] = "tan"
    partial: ClassVar[bool] = True

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Tan", to_float(b))
