"""What the average pools share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType
from dlc.compiler.ops._conv import spread
from dlc.compiler.ops._pool import Pool
from dlc.compiler.record import component


@component
class AvgPool(Pool):
    """An average pool.

    Arguments:
        count_include_pad: whether the zeros of the padding count in the average
    """

    family: ClassVar[str] = "avg_pool"

    ceil_mode: bool = False
    count_include_pad: bool = True

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t.literal(self.kernel_size)]
        if self.stride is not None and self.strides != self.kernel:
            arguments.append(f"stride={t.literal(self.stride)}")
        if any(spread(self.padding, self.rank)):
            arguments.append(f"padding={t.literal(self.padding)}")
        if self.ceil_mode:
            arguments.append("ceil_mode=True")
        if not self.count_include_pad:
            arguments.append("count_include_pad=False")
        return f"F.avg_pool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b["x"]
        before, after = [p[0] for p in self.pads], [p[1] for p in self.pads]
        padded = any(before)
        include = self.count_include_pad and padded and before == after
        if self.count_include_pad and padded and not include:
            # The zeros count and the room for the cut-off window does not: write the zeros.
            zeros = [0, 0, *before, 0, 0, *before]
            x = b.node("Pad", x, b.constant(zeros, DType.INT64))
            after = [a - p for a, p in zip(after, before, strict=True)]
            before = [0] * self.rank
        return b.node(
            "AveragePool",
            x,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[*before, *after],
            count_include_pad=int(include),
        )
