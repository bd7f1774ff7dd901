"""What the average pools share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType
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

    if TYPE_CHECKING:
        # A field in two and three dims, as in PyTorch.
        divisor_override: Positive | None = None
    else:
        divisor_override: ClassVar[None] = None

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t.literal(self.kernel_size)]
        if self.stride is not None and self.strides != self.kernel:
            arguments.append(f"stride={t.literal(self.stride)}")
        if any(self.paddings):
            arguments.append(f"padding={t.literal(self.padding)}")
        if self.ceil_mode:
            arguments.append("ceil_mode=True")
        if not self.count_include_pad:
            arguments.append("count_include_pad=False")
        if self.divisor_override is not None:
            arguments.append(f"divisor_override={t.literal(self.divisor_override)}")
        return f"F.avg_pool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self.divisor_override is not None:
            return self._onnx_divided(b, self.divisor_override)
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

    def _onnx_divided(self, b: OnnxBuilder, divisor: int) -> str:
        """With all of the padding written as zeros, each mean is the sum of what is there
        over the size of a whole window."""
        x = b["x"]
        ends = [0, 0, *(p[0] for p in self.pads), 0, 0, *(p[1] for p in self.pads)]
        if any(ends):
            x = b.node("Pad", x, b.constant(ends, DType.INT64))
        mean = b.node("AveragePool", x, kernel_shape=self.kernel, strides=self.strides)
        size = math.prod(self.kernel)
        if divisor == size:
            return mean
        return b.node("Mul", mean, b.scalar(size / divisor, b.inputs.x.dtype))
