"""`tanh`: the hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Tanh(Activation):
    """The hyperbolic tangent, from -1 to 1.

        linear(120) -> tanh

    y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ). Saturates for |x| above 3, where gradients vanish.
    """

    name: ClassVar[str] = "tanh"
    call: ClassVar[str] = "torch.tanh"
    onnx_type: ClassVar[str] = "Tanh"
    kept: ClassVar[str] = "y"
    mean_square: ClassVar[float | None] = 0.3943
