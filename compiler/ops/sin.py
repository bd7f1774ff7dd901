"""`sin`: the sine."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Sin(Elementwise):
    """The sine of each number, in radians.

        phase -> sin

    y = sin x.
    """

    name: ClassVar[str] = "sin"
    call: ClassVar[str] = "torch.sin"
    onnx_type: ClassVar[str] = "Sin"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    mean_square: ClassVar[float | None] = (1 - math.exp(-2.0)) / 2
