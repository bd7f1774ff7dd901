"""What the max pools share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, product
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._conv import spread
from dlc.compiler.ops._pool import Pool
from dlc.compiler.record import component


@component
class MaxPool(Pool):
    """A max pool.

    Arguments:
        dilation: the distance between the points of the window
        return_indices: whether a second result, `indices`, says where each maximum stood:
            int64, counted along the places of its channel
    """

    family: ClassVar[str] = "max_pool"
    results: ClassVar[tuple[str, ...]] = ("y", "indices")

    dilation: Positive | tuple[Positive, ...] = 1
    ceil_mode: bool = False
    return_indices: bool = keyword(False)

    @property
    def window(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def dilations(self) -> tuple[int, ...]:
        return spread(self.dilation, self.rank)

    def infer(self, inputs: Inputs) -> TensorType | tuple[TensorType, ...]:
        y = self.pooled(inputs.x)
        return (y, y.with_dtype(DType.INT64)) if self.return_indices else y

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "indices") if self.return_indices else ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Where each maximum stood.
        return 0 if self.return_indices else results[0].elements * DType.INT64.bytes

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t.literal(self.kernel_size)]
        if self.stride is not None and self.strides != self.kernel:
            arguments.append(f"stride={t.literal(self.stride)}")
        if any(self.paddings):
            arguments.append(f"padding={t.literal(self.padding)}")
        if self.window != self.kernel:
            arguments.append(f"dilation={t.literal(self.dilation)}")
        if self.ceil_mode:
            arguments.append("ceil_mode=True")
        if self.return_indices:
            arguments.append("return_indices=True")
        return f"F.max_pool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str | tuple[str, ...]:
        x, sides = b["x"], b.inputs.x.shape[2:]
        before, after = [p[0] for p in self.pads], [p[1] for p in self.pads]
        written = any(p >= k for p, k in zip((*before, *after), self.kernel * 2, strict=True))
        if written:
            # onnxruntime wants a pad smaller than the kernel without its gaps.
            pads = b.constant([0, 0, *before, 0, 0, *after], DType.INT64)
            x = b.node("Pad", x, pads, b.scalar(float("-inf"), b.inputs.x.dtype))
        y, *rest = b.nodes(
            "MaxPool",
            x,
            outputs=1 + self.return_indices,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[0] * (2 * self.rank) if written else [*before, *after],
            dilations=self.dilations,
        )
        if not rest:
            return y
        if not written:
            # ONNX counts through the whole batch.
            return y, b.node("Mod", rest[0], b.dim(product(sides)))
        padded = [n + p + q for n, p, q in zip(sides, before, after, strict=True)]
        return y, self._without_padding(b, rest[0], padded, before)

    def _without_padding(
        self, b: OnnxBuilder, places: str, padded: list[Dim], before: list[int]
    ) -> str:
        """Places of the whole padded batch as places of a channel without the padding."""
        sides = b.inputs.x.shape[2:]
        total = ""
        for axis in range(self.rank):
            behind = b.dim(product(padded[axis + 1 :]))
            at = b.node("Mod", b.node("Div", places, behind), b.dim(padded[axis]))
            at = b.node("Sub", at, b.scalar(before[axis], DType.INT64))
            at = b.node("Mul", at, b.dim(product(sides[axis + 1 :])))
            total = b.node("Add", total, at) if total else at
        return total
