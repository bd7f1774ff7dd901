"""`relu6`: the rectifier with a ceiling of 6."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Relu6(Activation):
    """The rectifier with a ceiling of 6.

        conv2d(32, 3, padding=1, bias=false) -> batch_norm2d -> relu6

    y = min(max(x, 0), 6): what fits in few bits, for networks on small devices. `hardtanh`
    takes other ends.

    Source: Howard et al., MobileNets, 2017.
    """

    name: ClassVar[str] = "relu6"
    call: ClassVar[str] = "F.relu6"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.5

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.inputs.x.dtype
        return b.node("Clip", b["x"], b.scalar(0.0, dtype), b.scalar(6.0, dtype))
