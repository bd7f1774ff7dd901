"""What the power-average pools share."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._pool import SlidingPool
from dlc.compiler.ops.base import OpError
from dlc.compiler.record import component


@component
class LpPool(SlidingPool):
    """A power-average pool.

    Arguments:
        norm_type: the power p; 1 sums up, 2 gives Euclid's length, more comes closer to
            the maximum
    """

    family: ClassVar[str] = "lp_pool"

    norm_type: PositiveFloat
    kernel_size: Positive | tuple[Positive, ...]
    stride: Positive | tuple[Positive, ...] | None = None
    ceil_mode: bool = False

    def validate(self) -> None:
        if math.isinf(self.norm_type):
            raise OpError(
                "E0302",
                f"`norm_type` of `{self.name}` must be finite, got infinity",
                blame="norm_type",
                help=f"the largest size in a window: `abs -> max_pool{self.rank}d(...)`",
            )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The powers; of each mean the value, its sign, its size, and the sum.
        return (inputs.x.elements + 4 * results[0].elements) * inputs.x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t.literal(self.norm_type), t.literal(self.kernel_size)]
        if self.stride is not None and self.strides != self.kernel:
            arguments.append(f"stride={t.literal(self.stride)}")
        if self.ceil_mode:
            arguments.append("ceil_mode=True")
        return f"F.lp_pool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        # Not by ONNX's LpPool, which takes whole powers only, and of |x|.
        dtype, power = b.inputs.x.dtype, self.norm_type
        y = b["x"]
        if power == 2:
            y = b.node("Mul", y, y)
        elif power != 1:
            y = b.node("Pow", y, b.scalar(power, dtype))
        before, after = [p[0] for p in self.pads], [p[1] for p in self.pads]
        y = b.node(
            "AveragePool",
            y,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[*before, *after],
        )
        size = math.prod(self.kernel)
        if size > 1:
            y = b.node("Mul", y, b.scalar(float(size), dtype))
        if power == 1:
            return y
        return b.node("Sqrt", y) if power == 2 else b.node("Pow", y, b.scalar(1 / power, dtype))
