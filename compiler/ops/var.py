"""`var`: the variance over some dims."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._variance import Spread
from dlc.compiler.record import component


@component
class Var(Spread):
    """The variance over some dims.

        x -> var(dim=-1)
        x -> var(dim=1, correction=0)

    y = Σ (x − mean)² / (n − correction), of n numbers. There must be more numbers than
    `correction`.
    """

    name: ClassVar[str] = "var"
    method: ClassVar[str] = "var"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def gain(self, inputs: Inputs) -> float | None:
        count = self.known_count(inputs)
        if count is None or count < 2:
            return None
        # The unbiased one has the mean 1 and the variance 2 / (n - 1).
        scale = (count - 1) / (count - self.correction)
        return scale**2 * (1 + 2 / (count - 1))

    def onnx(self, b: OnnxBuilder) -> str:
        return self.onnx_variance(b)
