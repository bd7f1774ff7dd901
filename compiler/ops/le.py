"""`le`: where the first number is not greater."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._comparison import Comparison
from dlc.compiler.record import component


@component
class Le(Comparison):
    """True where the first number is less or equal.

        known = tokens -> le(30521)

    The result is bool. Two tensors stretch as in `add`.
    """

    name: ClassVar[str] = "le"
    sign: ClassVar[str] = "<="
    onnx_type: ClassVar[str] = "LessOrEqual"
