"""Arithmetic of flags."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, TensorType, bool_tensor
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


def require_flags(op: str, x: TensorType, port: str = "x") -> None:
    """Raises E0406 where the elements are not truth values."""
    if x.dtype is not BOOL:
        raise OpError(
            "E0406",
            f"`{op}` takes bool, got {x}",
            blame=port,
            help="make flags of numbers by a comparison, `x -> ne(0)`",
        )


@component
class Logical(Op):
    """A function of two flags."""

    ports: ClassVar[tuple[Port, ...]] = (Port("x"), Port("other", "the second flags"))
    sign: ClassVar[str]
    onnx_type: ClassVar[str]

    def infer(self, inputs: Inputs) -> TensorType:
        x, other = inputs.x, inputs["other"]
        require_flags(self.name, x)
        require_flags(self.name, other, "other")
        return x.with_shape(*broadcast(self.name, x, other))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']} {self.sign} {t['other']}"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node(self.onnx_type, b["x"], b["other"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": bool_tensor(n, t), "other": bool_tensor(n, t)}),
            Example(cls(), {"x": bool_tensor(n, t), "other": bool_tensor(1, t)}),
        )
