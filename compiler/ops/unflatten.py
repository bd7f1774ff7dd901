"""`unflatten`: one dim becomes several."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._reshape import check_sizes, onnx_reshape, settled
from dlc.compiler.ops._subscript import bare
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Unflatten(Op):
    """One dim becomes several; the other way round it is `flatten`.

        unflatten(-1, [12, -1])       # heads, [N, T, 768] -> [N, T, 12, 64]
        unflatten(1, [16, 5, 5])      # [N, 400] -> [N, 16, 5, 5]

    One size may be -1: what is left.

    Arguments:
        dim: the dim; negative ones count from the end
        sizes: the sizes that it becomes; -1 at most once
    """

    name: ClassVar[str] = "unflatten"

    dim: int
    sizes: tuple[Dim, ...]

    def validate(self) -> None:
        check_sizes(self.name, self.sizes)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        dim = axis(self.name, x, self.dim)
        what = f"size of dim {self.dim}"
        advice = "leave out -1 and write every size"
        new = settled(self.name, self.sizes, x.shape[dim], what, x.shape_text, advice)
        return x.with_shape(*x.shape[:dim], *new, *x.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        sizes = ", ".join("-1" if size == -1 else bare(t, size) for size in self.sizes)
        comma = "," if len(self.sizes) == 1 else ""
        return f"{t['x']}.unflatten({t.literal(self.dim)}, ({sizes}{comma}))"

    def onnx(self, b: OnnxBuilder) -> str:
        return onnx_reshape(b, b["x"], b.inputs.x.shape, b.results[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=-1, sizes=(2, -1)), {"x": float_tensor(n, t, 6)}),
            Example(cls(dim=1, sizes=(3, 2, 2)), {"x": float_tensor(n, 12)}),
            Example(cls(dim=1, sizes=(t, 2)), {"x": int_tensor(n, 2 * t, t)}, {"x": (0, 9)}),
            Example(cls(dim=0, sizes=(-1, 3)), {"x": float_tensor(3 * n, t)}),
            Example(cls(dim=1, sizes=(-1,)), {"x": float_tensor(n, t)}),
        )
