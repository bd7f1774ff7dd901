"""`hardswish`: swish with the logistic function in three straight lines."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Hardswish(Activation):
    """Swish with the logistic function in three straight lines.

        conv2d(64, 3, padding=1, bias=false) -> batch_norm2d -> hardswish

    y = x · min(max(x + 3, 0), 6) / 6: near `silu`, without an exponential.

    Source: Howard et al., Searching for MobileNetV3, 2019.
    """

    name: ClassVar[str] = "hardswish"
    call: ClassVar[str] = "F.hardswish"
    onnx_type: ClassVar[str] = "HardSwish"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.3316
