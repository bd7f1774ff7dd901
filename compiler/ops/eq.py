"""`eq`: where numbers are equal."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Eq(Comparison):
    """True where two numbers, or two flags, are equal.

        padding = tokens -> eq(0)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "eq"
    sign: ClassVar[str] = "=="
    onnx_type: ClassVar[str] = "Equal"
    orders: ClassVar[bool] = False
