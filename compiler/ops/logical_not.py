"""`logical_not`: where something does not hold."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, bool_tensor
from dlc.compiler.ops._logical import require_flags
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class LogicalNot(Op):
    """True where a flag is false.

        padding -> logical_not

    Numbers become flags by a comparison, `x -> ne(0)`.
    """

    name: ClassVar[str] = "logical_not"

    def infer(self, inputs: Inputs) -> TensorType:
        require_flags(self.name, inputs.x)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        return f"~{t['x']}"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Not", b["x"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": bool_tensor(n, t)}),
            Example(cls(), {"x": bool_tensor(n, 1, t)}),
        )
