"""`cos`: the cosine."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Cos(Elementwise):
    """The cosine of each number, in radians.

        phase -> cos

    y = cos x.
    """

    name: ClassVar[str] = "cos"
    call: ClassVar[str] = "torch.cos"
    onnx_type: ClassVar[str] = "Cos"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    mean_square: ClassVar[float | None] = (1 + math.exp(-2.0)) / 2
