"""`sub`: the difference of two tensors, or of a tensor and a number."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ops._broadcast import Arithmetic
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Sub(Arithmetic):
    """The difference of two tensors, or of a tensor and a number.

        a - b
        1 - x

    Sizes must agree; where one is the number 1 or is missing in front, it stretches.

    Arguments:
        reverse: the number minus x, in place of x minus the number
    """

    name: ClassVar[str] = "sub"
    sign: ClassVar[str] = "-"
    onnx_type: ClassVar[str] = "Sub"

    reverse: bool = keyword(False)

    def gain(self, inputs: Inputs) -> float | None:
        return 2.0 if self.scalar is None else 1.0 + self.scalar**2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        plain = super().examples()
        return (
            *plain,
            *(
                replace(e, op=replace(e.op, reverse=True))
                for e in plain
                if isinstance(e.op, cls) and e.op.scalar is not None
            ),
        )
