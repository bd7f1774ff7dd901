"""`neg`: the other sign."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Neg(Op):
    """Each number with the other sign.

        -x

    y = −x.
    """

    name: ClassVar[str] = "neg"

    def infer(self, inputs: Inputs) -> TensorType:
        if not (inputs.x.dtype.is_float or inputs.x.dtype.is_int):
            raise OpError("E0406", f"`neg` takes numbers, got {inputs.x}", blame="x")
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"-{t['x']}"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Neg", b["x"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(), {"x": int_tensor(n, t)}, {"x": (-5, 5)}),
        )
