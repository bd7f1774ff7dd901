"""`std`: the standard deviation over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._variance import Spread
from dlc.compiler.record import component


@component
class Std(Spread):
    """The standard deviation over some dims.

        x -> std(dim=-1)
        x -> std(dim=1, correction=0)

    y = √(Σ (x − mean)² / (n − correction)), of n numbers. There must be more numbers than
    `correction`. Where all numbers are equal, y is 0 and has no gradient (NaN): add a small
    number to `var` and take its `sqrt` where that may be.
    """

    name: ClassVar[str] = "std"
    method: ClassVar[str] = "std"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y")

    def gain(self, inputs: Inputs) -> float | None:
        count = self.known_count(inputs)
        if count is None or count < 2:
            return None
        return (count - 1) / (count - self.correction)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Sqrt", self.onnx_variance(b))
