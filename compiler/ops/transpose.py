"""`transpose`: two dims change places."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Transpose(Op):
    """Two dims change places.

        transpose(1, 2)       # [N, T, C] -> [N, C, T]
        transpose(-2, -1)     # the transpose of each matrix

    Several dims at once are a matter for `permute`.

    Arguments:
        dim0: one dim; negative ones count from the end
        dim1: the other
    """

    name: ClassVar[str] = "transpose"

    dim0: int
    dim1: int

    def _order(self, x: TensorType) -> list[int]:
        a, b = axis(self.name, x, self.dim0, "dim0"), axis(self.name, x, self.dim1, "dim1")
        order = list(range(x.rank))
        order[a], order[b] = b, a
        return order

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        return x.with_shape(*(x.shape[dim] for dim in self._order(x)))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.transpose({t.literal(self.dim0)}, {t.literal(self.dim1)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Transpose", b["x"], perm=self._order(b.inputs.x))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim0=1, dim1=2), {"x": float_tensor(n, 3, t)}),
            Example(cls(dim0=-2, dim1=-1), {"x": float_tensor(n, 2, t, 3)}),
            Example(cls(dim0=0, dim1=-1), {"x": int_tensor(n, 2, t)}, {"x": (0, 9)}),
        )
