"""`log`: the natural logarithm."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.record import component


@component
class Log(Elementwise):
    """The natural logarithm of each number.

        x -> clamp(min=1e-6) -> log

    Minus infinity at 0, NaN below. `log_softmax` and `log_sigmoid` are computed so that
    neither comes up.
    """

    name: ClassVar[str] = "log"
    call: ClassVar[str] = "torch.log"
    onnx_type: ClassVar[str] = "Log"
    kept: ClassVar[tuple[str, ...]] = ("x",)
    domain: ClassVar[tuple[int, int] | None] = (0, 5)
