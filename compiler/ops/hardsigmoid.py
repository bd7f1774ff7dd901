"""`hardsigmoid`: the logistic function in three straight lines."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Hardsigmoid(Activation):
    """The logistic function in three straight lines, from 0 to 1.

        conv2d(64, 1) -> hardsigmoid        # the gate of squeeze and excitation

    y = min(max(x + 3, 0), 6) / 6: no exponential, for small devices.

    Source: Courbariaux, Bengio and David, BinaryConnect, 2015; with these ends, Howard et
    al., Searching for MobileNetV3, 2019.
    """

    name: ClassVar[str] = "hardsigmoid"
    call: ClassVar[str] = "F.hardsigmoid"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.2776

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("HardSigmoid", b["x"], alpha=1 / 6, beta=0.5)
