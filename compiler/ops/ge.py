"""`ge`: where the first number is not less."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Ge(Comparison):
    """True where the first number is greater or equal.

        adult = age -> ge(18)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "ge"
    sign: ClassVar[str] = ">="
    onnx_type: ClassVar[str] = "GreaterOrEqual"
