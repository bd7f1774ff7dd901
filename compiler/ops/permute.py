"""`permute`: the dims in another order."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Permute(Op):
    """The dims in another order.

        permute(0, 2, 1)          # [N, C, L] -> [N, L, C]
        permute(0, 3, 1, 2)       # [N, H, W, C] -> [N, C, H, W]

    Dim i of the result is dim `dims[i]` of the input. The batch is named like the others.

    Arguments:
        dims: all dims of the input, each once; negative ones count from the end
    """

    name: ClassVar[str] = "permute"
    variadic: ClassVar[str | None] = "dims"

    dims: tuple[int, ...]

    def _order(self, x: TensorType) -> tuple[int, ...]:
        order = tuple(axis(self.name, x, dim, "dims") for dim in self.dims)
        if sorted(order) != list(range(x.rank)):
            raise OpError(
                "E0302",
                f"`permute` names each of the {x.rank} dims of {x} once, got"
                f" {', '.join(map(str, self.dims)) or 'none'}",
                blame="dims",
                help="the batch counts too; it stays in front as dim 0",
            )
        return order

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        return x.with_shape(*(x.shape[dim] for dim in self._order(x)))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.permute({', '.join(t.literal(dim) for dim in self.dims)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Transpose", b["x"], perm=self._order(b.inputs.x))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dims=(0, 2, 1)), {"x": float_tensor(n, 3, t)}),
            Example(cls(dims=(0, -1, 1, 2)), {"x": float_tensor(n, 4, t, 3)}),
            Example(cls(dims=(2, 0, 1)), {"x": int_tensor(n, t, 2)}, {"x": (0, 9)}),
        )
