"""`div`: the quotient of two tensors, or of a tensor and a number."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._broadcast import Arithmetic
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Div(Arithmetic):
    """The quotient of two tensors, number by number, or of a tensor and a number.

        a / b
        x / 255

    Sizes must agree; where one is the number 1 or is missing in front, it stretches. The
    quotient of integers is a float.

    Arguments:
        reverse: the number divided by x, in place of x divided by the number
    """

    name: ClassVar[str] = "div"
    sign: ClassVar[str] = "/"
    onnx_type: ClassVar[str] = "Div"
    true_division: ClassVar[bool] = True

    reverse: bool = keyword(False)

    def validate(self) -> None:
        if self.scalar == 0 and not self.reverse:
            raise OpError("E0302", "`div` by 0", blame="scalar")

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        other = inputs.get("other")
        if other is None:
            return ()
        return ("x", "other") if other.dtype.is_float else ("other",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # A number over x is the number times the reciprocal, which is kept.
        if not self.reverse or not inputs.x.dtype.is_float:
            return 0
        return inputs.x.elements * inputs.x.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        return None if self.scalar is None or self.reverse else self.scalar**-2

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
