"""`mish`: a smooth rectifier that lets small negative numbers through."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Mish(Activation):
    """A smooth rectifier that lets small negative numbers through.

        conv2d(64, 3, padding=1, bias=false) -> batch_norm2d -> mish

    y = x · tanh(log(1 + eˣ)). Least at about -1.19, where it is -0.31.

    Source: Misra, Mish: a self regularized non-monotonic activation function, 2019.
    """

    name: ClassVar[str] = "mish"
    call: ClassVar[str] = "F.mish"
    onnx_type: ClassVar[str] = "Mish"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 0.4523
