"""`relu`: the rectifier."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Relu(Activation):
    """The rectifier: negative numbers become 0.

        conv2d(64, 3, padding=1) -> relu

    y = max(x, 0).

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines,
    2010.
    """

    name: ClassVar[str] = "relu"
    call: ClassVar[str] = "torch.relu"
    onnx_type: ClassVar[str] = "Relu"
    kept: ClassVar[str] = "y"
    mean_square: ClassVar[float | None] = 0.5
