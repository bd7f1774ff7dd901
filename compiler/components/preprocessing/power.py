"""Powers and roots."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import NumberStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT
from dlc.compiler.record import component


@component
class Power(NumberStep):
    """Raises every number to a power.

        preprocess: {area: power(0.5)}

    y = x^exponent: 2 squares, 0.5 is the root, -1 the reciprocal. A row for which there is no
    such number (a root of a negative one, 1/0) is refused.

    Arguments:
        exponent: the power
    """

    name: ClassVar[str] = "power"
    partial: ClassVar[bool] = True

    exponent: float

    def validate(self) -> None:
        if self.exponent == 0.0:
            raise ComponentError(
                "E0302",
                "a power of 0 leaves nothing of the data",
                blame="exponent",
                help="give another number, such as 0.5 for the root",
            )

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Pow", to_float(b), b.scalar(self.exponent, FLOAT))
