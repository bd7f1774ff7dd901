"""`ne`: where numbers differ."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Ne(Comparison):
    """True where two numbers, or two flags, differ.

        real = tokens -> ne(0)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "ne"
    sign: ClassVar[str] = "!="
    onnx_type: ClassVar[str] = "Equal"
    negated: ClassVar[bool] = True
    orders: ClassVar[bool] = False
