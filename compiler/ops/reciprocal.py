"""`reciprocal`: one over each number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Reciprocal(Elementwise):
    """One over each number: `1 / x`.

        count -> to(float) -> reciprocal

    Infinite at 0.
    """

    name: ClassVar[str] = "reciprocal"
    call: ClassVar[str] = "torch.reciprocal"
    onnx_type: ClassVar[str] = "Reciprocal"
    kept: ClassVar[tuple[str, ...]] = ("y",)
