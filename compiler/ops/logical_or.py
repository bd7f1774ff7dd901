"""`logical_or`: where either holds."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._logical import Logical
from dlc.compiler.record import component


@component
class LogicalOr(Logical):
    """True where either flag is, or both are.

        padding = tokens -> eq(0)
        unknown = tokens -> eq(1)
        [padding, unknown] -> logical_or

    Flags stretch as numbers do in `add`.
    """

    name: ClassVar[str] = "logical_or"
    sign: ClassVar[str] = "|"
    onnx_type: ClassVar[str] = "Or"
