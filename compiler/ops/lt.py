"""`lt`: where the first number is less."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Lt(Comparison):
    """True where the first number is less.

        cold = x -> lt(0.5)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "lt"
    sign: ClassVar[str] = "<"
    onnx_type: ClassVar[str] = "Less"
