"""Pools that are told the size of the result."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import layout, rank_help, spread
from dlc.compiler.ops.base import Op, OpError
from dlc.compiler.record import component


def windows(size: int, count: int) -> list[tuple[int, int]]:
    """Where the `count` windows over `size` places begin and end, as PyTorch cuts them."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


@component
class AdaptivePool(Op):
    """A pool that is told the size of the result.

    Arguments:
        output_size: the sides of the result; one number, or one for each spatial dim
    """

    rank: ClassVar[int]
    family: ClassVar[str]
    pool_type: ClassVar[str]

    output_size: Positive | tuple[Positive, ...]

    @property
    def sides(self) -> tuple[int, ...]:
        return spread(self.output_size, self.rank)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            self.rank + 2,
            layout=layout(self.rank),
            help=rank_help(x, self.rank, self.family),
        )
        return x.with_shape(*x.shape[:2], *self.sides)

    def torch(self, t: TorchWriter) -> str:
        return f"F.{self.name}({t['x']}, {t.literal(self.output_size)})"

    def onnx(self, b: OnnxBuilder) -> str:
        if all(side == 1 for side in self.sides):
            return self.onnx_global(b)
        sizes = self._sizes(b.inputs.x)
        if all(size % side == 0 for size, side in zip(sizes, self.sides, strict=True)):
            kernel = [size // side for size, side in zip(sizes, self.sides, strict=True)]
            return b.node(self.pool_type, b["x"], kernel_shape=kernel, strides=kernel)
        value = b["x"]
        for place, (size, side) in enumerate(zip(sizes, self.sides, strict=True)):
            if size != side:
                value = self.onnx_axis(b, value, place + 2, size, side)
        return value

    def _sizes(self, x: TensorType) -> tuple[int, ...]:
        """The spatial sizes, which decide the windows."""
        sizes: list[int] = []
        for size in x.shape[2:]:
            if not isinstance(size, int):
                raise OpError(
                    "E0614",
                    f"ONNX has no `{self.name}` to {self.output_size} where a size is not"
                    f" known, got {x}",
                    blame="output_size",
                    help=f"fix the size of the input, or use `global_avg_pool` or `{self.name}(1)`",
                )
            sizes.append(size)
        return tuple(sizes)

    def onnx_global(self, b: OnnxBuilder) -> str:
        """All places become one."""
        raise NotImplementedError(self.name)

    def onnx_axis(self, b: OnnxBuilder, value: str, axis: int, size: int, side: int) -> str:
        """One dim pooled from `size` to `side` where these windows overlap."""
        raise NotImplementedError(self.name)


@component
class AdaptiveAvgPool(AdaptivePool):
    """An average pool that is told the size of the result."""

    family: ClassVar[str] = "adaptive_avg_pool"
    pool_type: ClassVar[str] = "AveragePool"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return () if all(side == 1 for side in self.sides) else ("x",)

    def onnx_global(self, b: OnnxBuilder) -> str:
        return b.node("GlobalAveragePool", b["x"])

    def onnx_axis(self, b: OnnxBuilder, value: str, axis: int, size: int, side: int) -> str:
        # A mean over a box is a mean over each side in turn: a product with [size, side].
        dtype, last = b.inputs.x.dtype, self.rank + 1
        weights = [0.0] * (size * side)
        for column, (start, stop) in enumerate(windows(size, side)):
            for row in range(start, stop):
                weights[row * side + column] = 1 / (stop - start)
        matrix = b.constant(weights, dtype, (size, side))
        if axis == last:
            return b.node("MatMul", value, matrix)
        turned = list(range(last + 1))
        turned[axis], turned[last] = last, axis
        product = b.node("MatMul", b.node("Transpose", value, perm=turned), matrix)
        return b.node("Transpose", product, perm=turned)


@component
class AdaptiveMaxPool(AdaptivePool):
    """A max pool that is told the size of the result."""

    family: ClassVar[str] = "adaptive_max_pool"
    pool_type: ClassVar[str] = "MaxPool"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Where each maximum stood.
        return results[0].elements * DType.INT64.bytes

    def onnx_global(self, b: OnnxBuilder) -> str:
        axes = b.constant(range(2, self.rank + 2), DType.INT64)
        return b.node("ReduceMax", b["x"], axes, keepdims=1)

    def onnx_axis(self, b: OnnxBuilder, value: str, axis: int, size: int, side: int) -> str:
        # Windows differ by one place; the short ones take their last place twice.
        cut = windows(size, side)
        longest = max(stop - start for start, stop in cut)
        places = [min(start + i, stop - 1) for start, stop in cut for i in range(longest)]
        indices = b.constant(places, DType.INT64, (side, longest))
        gathered = b.node("Gather", value, indices, axis=axis)
        axes = b.constant([axis + 1], DType.INT64)
        return b.node("ReduceMax", gathered, axes, keepdims=0)
