"""`any`: whether something holds anywhere."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._truth import Truth
from dlc.compiler.record import component


@component
class Any(Truth):
    """Whether something holds anywhere in some dims.

        tokens -> eq(0) -> any(dim=1)        # bool[N]: whether a text has padding

    A number holds where it is not 0. The result is bool.
    """

    name: ClassVar[str] = "any"
    method: ClassVar[str] = "any"
    onnx_type: ClassVar[str] = "ReduceMax"
