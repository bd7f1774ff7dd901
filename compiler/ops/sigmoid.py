"""`sigmoid`: the logistic function."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Sigmoid(Activation):
    """The logistic function, from 0 to 1.

        linear(1) -> sigmoid

    y = 1 / (1 + e⁻ˣ). Losses that end in `_with_logits` apply it themselves.
    """

    name: ClassVar[str] = "sigmoid"
    call: ClassVar[str] = "torch.sigmoid"
    onnx_type: ClassVar[str] = "Sigmoid"
    kept: ClassVar[str] = "y"
    mean_square: ClassVar[float | None] = 0.2934
