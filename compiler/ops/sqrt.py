"""`sqrt`: the square root."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Sqrt(Elementwise):
    """The square root of each number.

        x -> var(dim=-1) + 1e-5       # then:
        variance -> sqrt

    NaN below 0. The gradient at 0 is infinite: add a small number where 0 may be.
    """

    name: ClassVar[str] = "sqrt"
    call: ClassVar[str] = "torch.sqrt"
    onnx_type: ClassVar[str] = "Sqrt"
    kept: ClassVar[tuple[str, ...]] = ("y",)
    domain: ClassVar[tuple[int, int] | None] = (0, 5)
