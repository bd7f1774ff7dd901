"""`sign`: -1, 0 or 1."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._elementwise import Stepwise
from dlc.compiler.record import component


@component
class Sign(Stepwise):
    """The sign of each number: -1, 0 or 1; the type stays.

        x -> sign

    The gradient is 0.
    """

    name: ClassVar[str] = "sign"
    call: ClassVar[str] = "torch.sign"
    onnx_type: ClassVar[str] = "Sign"
    mean_square: ClassVar[float | None] = 1.0
