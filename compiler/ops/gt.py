"""`gt`: where the first number is greater."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Gt(Comparison):
    """True where the first number is greater.

        hot = x -> gt(0.5)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "gt"
    sign: ClassVar[str] = ">"
    onnx_type: ClassVar[str] = "Greater"
