"""`logical_and`: where both hold."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._logical import Logical
from dlc.compiler.record import component


@component
class LogicalAnd(Logical):
    """True where both flags are.

        real = tokens -> ne(0)
        known = tokens -> lt(30522)
        [real, known] -> logical_and

    Flags stretch as numbers do in `add`.
    """

    name: ClassVar[str] = "logical_and"
    sign: ClassVar[str] = "&"
    onnx_type: ClassVar[str] = "And"
