"""`unsqueeze`: a new dim of size 1."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Unsqueeze(Op):
    """A new dim of size 1.

        unsqueeze(1)      # one channel, [N, 28, 28] -> [N, 1, 28, 28]
        unsqueeze(-1)     # [N, T] -> [N, T, 1]

    Arguments:
        dim: which dim of the result is the new one; -1 puts it last
    """

    name: ClassVar[str] = "unsqueeze"

    dim: int

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        dim = axis(self.name, x, self.dim, extra=1)
        return x.with_shape(*x.shape[:dim], 1, *x.shape[dim:])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.unsqueeze({t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Unsqueeze", b["x"], b.constant([self.dim], DType.INT64))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 3)}),
            Example(cls(dim=-1), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
            Example(cls(dim=0), {"x": float_tensor(n, 3)}),
            Example(cls(dim=-3), {"x": float_tensor(n, t)}),
        )
