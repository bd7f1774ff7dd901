"""`leaky_relu`: the rectifier with a slope for negative numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class LeakyRelu(Activation):
    """The rectifier with a small slope for negative numbers.

        conv2d(64, 4, stride=2, padding=1) -> leaky_relu(0.2)

    y = x where x ≥ 0, else negative_slope · x: units that are never positive still learn.

    Arguments:
        negative_slope: the slope below 0

    Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic
    models, 2013.
    """

    name: ClassVar[str] = "leaky_relu"
    call: ClassVar[str] = "F.leaky_relu"
    kept: ClassVar[str] = "x"

    negative_slope: NonNegative = 0.01

    def gain(self, inputs: Inputs) -> float | None:
        return (1 + self.negative_slope**2) / 2

    def torch(self, t: TorchWriter) -> str:
        if self.negative_slope == 0.01:
            return f"F.leaky_relu({t['x']})"
        return f"F.leaky_relu({t['x']}, {t.literal(self.negative_slope)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("LeakyRelu", b["x"], alpha=self.negative_slope)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            Example(cls(negative_slope=0.2), {"x": float_tensor(symbol("N"), 4)}),
        )
