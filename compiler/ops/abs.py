"""`abs`: magnitudes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Abs(Elementwise):
    """The magnitude of each number.

        [a, b] -> sub -> abs

    y = |x|. The gradient at 0 is 0.
    """

    name: ClassVar[str] = "abs"
    call: ClassVar[str] = "torch.abs"
    onnx_type: ClassVar[str] = "Abs"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    integers: ClassVar[bool] = True
    mean_square: ClassVar[float | None] = 1.0
