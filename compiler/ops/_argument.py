"""Where the greatest or the least stands."""

from __future__ import annotations

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, DType, float_tensor, int_tensor
from dlc.compiler.ops._reduction import Reduction
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Position(Reduction):
    """The place of one number along a dim, or in the whole tensor.

    Arguments:
        dim: the dim along which places count; without it, places of the whole tensor in
            row-major order, the batch too
        keepdim: whether it stays as a dim of size 1
    """

    dim: int | None = None

    def result_dtype(self, dtype: DType) -> DType:
        return INT

    def torch_arguments(self, t: TorchWriter) -> list[str]:
        dim = [] if self.dim is None else [f"dim={t.literal(self.dim)}"]
        keep = [f"keepdim={t.literal(self.keepdim)}"] if self.keepdim else []
        return [*dim, *keep]

    def onnx(self, b: OnnxBuilder) -> str:
        rank = b.inputs.x.rank
        if self.dim is not None:
            return b.node(self.onnx_type, b["x"], axis=self.dim, keepdims=int(self.keepdim))
        flat = b.node("Reshape", b["x"], b.constant([-1], INT))
        found = b.node(self.onnx_type, flat, axis=0, keepdims=0)
        return b.node("Reshape", found, b.constant([1] * (rank if self.keepdim else 0), INT))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=-1, keepdim=True), {"x": float_tensor(n, t)}),
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(keepdim=True), {"x": float_tensor(n, t)}),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (0, 3)}),
        )
