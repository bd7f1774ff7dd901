"""`threshold`: what is not above a bound is replaced."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops._normal import mean_square
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Threshold(Activation):
    """What is not above a bound is replaced by one value.

        linear(64) -> threshold(1, 0)      # a rectifier that opens at 1

    y = x where x > threshold, else value.

    Arguments:
        threshold: the bound
        value: what stands in for the numbers up to it
    """

    name: ClassVar[str] = "threshold"
    kept: ClassVar[str] = "x"

    threshold: float
    value: float

    def gain(self, inputs: Inputs) -> float:
        return mean_square(lambda z: z if z > self.threshold else self.value, self.threshold)

    def torch(self, t: TorchWriter) -> str:
        return f"F.threshold({t['x']}, {t.literal(self.threshold)}, {t.literal(self.value)})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self.value == 0:
            return b.node("ThresholdedRelu", b["x"], alpha=self.threshold)
        dtype = b.inputs.x.dtype
        above = b.node("Greater", b["x"], b.scalar(self.threshold, dtype))
        return b.node("Where", above, b["x"], b.scalar(self.value, dtype))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(threshold=0.1, value=20.0), {"x": float_tensor(n, 3, 4)}),
            Example(cls(threshold=1.0, value=0.0), {"x": float_tensor(n, t, 8)}),
            Example(cls(threshold=-0.5, value=0.0), {"x": float_tensor(n, 4)}),
        )
