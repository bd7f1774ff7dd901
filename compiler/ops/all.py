"""`all`: whether something holds everywhere."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._truth import Truth
from dlc.compiler.record import component


@component
class All(Truth):
    """Whether something holds everywhere in some dims.

        tokens -> eq(0) -> all(dim=1)        # bool[N]: whether a text is empty

    A number holds where it is not 0. The result is bool.
    """

    name: ClassVar[str] = "all"
    method: ClassVar[str] = "all"
    onnx_type: ClassVar[str] = "ReduceMin"
