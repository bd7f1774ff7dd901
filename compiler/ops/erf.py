"""`erf`: the error function."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Erf(Elementwise):
    """The error function of each number.

        x -> erf

    y = 2/√π ∫₀ˣ e^(−t²) dt; the normal distribution function is (1 + erf(x/√2)) / 2.
    """

    name: ClassVar[str] = "erf"
    call: ClassVar[str] = "torch.erf"
    onnx_type: ClassVar[str] = "Erf"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    # Williams, Computing with infinite networks, 1997.
    mean_square: ClassVar[float | None] = 2 / math.pi * math.asin(2 / 3)
