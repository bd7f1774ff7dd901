"""What the max pools share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim
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
    """

    family: ClassVar[str] = "max_pool"

    dilation: Positive | tuple[Positive, ...] = 1
    ceil_mode: bool = False

    @property
    def window(self) -> tuple[int, ...]:
        dilation = spread(self.dilation, self.rank)
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, dilation, strict=True))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Where each maximum stood.
        return results[0].elements * DType.INT64.bytes

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
        return f"F.max_pool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b["x"]
        before, after = [p[0] for p in self.pads], [p[1] for p in self.pads]
        if any(p >= k for p, k in zip((*before, *after), self.kernel * 2, strict=True)):
            # onnxruntime wants a pad smaller than the kernel without its gaps.
            pads = b.constant([0, 0, *before, 0, 0, *after], DType.INT64)
            x = b.node("Pad", x, pads, b.scalar(float("-inf"), b.inputs.x.dtype))
            before = after = [0] * self.rank
        return b.node(
            "MaxPool",
            x,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[*before, *after],
            dilations=spread(self.dilation, self.rank),
        )
