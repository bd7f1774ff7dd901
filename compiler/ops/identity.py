"""`identity`: nothing."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Identity(Op):
    """Gives what it gets.

        residual { conv2d(64, 3, padding=1) } shortcut { identity }

    For a branch that changes nothing.
    """

    name: ClassVar[str] = "identity"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return t["x"]

    def onnx(self, b: OnnxBuilder) -> str:
        return b["x"]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(), {"x": int_tensor(n)}, {"x": (0, 5)}),
        )
