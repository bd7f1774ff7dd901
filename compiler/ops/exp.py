"""`exp`: the exponential."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Exp(Elementwise):
    """The exponential of each number.

        log_scale -> exp

    y = eˣ; infinite from about x = 88.7 on. `softmax` and `logsumexp` are computed so that
    large numbers do no harm.
    """

    name: ClassVar[str] = "exp"
    call: ClassVar[str] = "torch.exp"
    onnx_type: ClassVar[str] = "Exp"
    kept: ClassVar[tuple[str, ...]] = ("y",)
    mean_square: ClassVar[float | None] = math.exp(2.0)
