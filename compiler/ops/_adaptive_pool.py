"""Pools that are told the size of the result."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, Shape, TensorType
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import layout, rank_help
from dlc.compiler.ops.base import Op, OpError
from dlc.compiler.record import component


def windows(size: int, count: int) -> list[tuple[int, int]]:
    """Where the `count` windows over `size` places begin and end, as PyTorch cuts them."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _even(size: Dim, side: Dim) -> int | None:
    """The step of windows that lie side by side; None where they overlap or are not known."""
    if size == side:
        return 1
    if isinstance(size, int) and isinstance(side, int) and size % side == 0:
        return size // side
    return None


@component
class AdaptivePool(Op):
    """A pool that is told the size of the result.

    Arguments:
        output_size: the sides of the result; one number, or one for each spatial dim,
            where `null` leaves a side as it is
    """

    rank: ClassVar[int]
    family: ClassVar[str]
    pool_type: ClassVar[str]
    reduction: ClassVar[str]

    output_size: Positive | tuple[Positive | None, ...]

    def sides(self, x: TensorType) -> Shape:
        """The spatial sizes of the result."""
        wanted = self.output_size
        sides = wanted if isinstance(wanted, tuple) else (wanted,) * self.rank
        return tuple(
            size if side is None else side for size, side in zip(x.shape[2:], sides, strict=True)
        )

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
        return x.with_shape(*x.shape[:2], *self.sides(x))

    def torch(self, t: TorchWriter) -> str:
        return f"F.{self.name}({t['x']}, {t.literal(self.output_size)})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        sides = self.sides(x)
        if all(side == 1 for side in sides):
            return self.onnx_global(b)
        kernel = [_even(size, side) for size, side in zip(x.shape[2:], sides, strict=True)]
        whole = [side for side in kernel if side is not None]
        if len(whole) == self.rank:
            return b.node(self.pool_type, b["x"], kernel_shape=whole, strides=whole)
        value = b["x"]
        for axis, side in enumerate(sides, 2):
            size = x.shape[axis]
            if size == side:
                continue
            if side == 1:
                axes = b.constant([axis], DType.INT64)
                value = b.node(self.reduction, value, axes, keepdims=1)
            elif isinstance(size, int) and isinstance(side, int):
                value = self.onnx_axis(b, value, axis, size, side)
            else:
                raise OpError(
                    "E0614",
                    f"ONNX has no `{self.name}` to {side} where a size is not known, got {x}",
                    blame="output_size",
                    help=f"fix the size of the input, or use `global_avg_pool` or `{self.name}(1)`",
                )
        return value

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
    reduction: ClassVar[str] = "ReduceMean"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return () if all(side == 1 for side in self.sides(inputs.x)) else ("x",)

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
    reduction: ClassVar[str] = "ReduceMax"

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
