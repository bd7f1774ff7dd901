"""`argmin`: where the least stands."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._argument import Position
from dlc.compiler.record import component


@component
class Argmin(Position):
    """Where the least stands along a dim; the first of equal ones.

        distances -> argmin(dim=-1)      # float[N, K] -> int[N]: the nearest

    Places count from 0. No gradient goes through it.
    """

    name: ClassVar[str] = "argmin"
    method: ClassVar[str] = "argmin"
    onnx_type: ClassVar[str] = "ArgMin"
