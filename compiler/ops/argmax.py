"""`argmax`: where the greatest stands."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._argument import Position
from dlc.compiler.record import component


@component
class Argmax(Position):
    """Where the greatest stands along a dim; the first of equal ones.

        scores -> argmax(dim=-1)     # float[N, 10] -> int[N]: the class

    Places count from 0. No gradient goes through it.
    """

    name: ClassVar[str] = "argmax"
    method: ClassVar[str] = "argmax"
    onnx_type: ClassVar[str] = "ArgMax"
