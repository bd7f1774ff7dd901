"""Scaling by a constant."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import as_float, to_float
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, TensorType
from dlc.compiler.record import component


@component
class Scale(Preprocess):
    """Multiplies every number by a constant.

        preprocess: {image: scale(1/255)}

    y = factor * x, as float.

    Arguments:
        factor: the constant
    """

    name: ClassVar[str] = "scale"

    factor: float

    def validate(self) -> None:
        if self.factor == 0.0:
            raise ComponentError(
                "E0302",
                "a factor of 0 leaves nothing of the data",
                blame="factor",
                help="give another number, such as 1/255 for pixels",
            )

    def infer(self, x: TensorType) -> TensorType:
        return as_float(self.name, x)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Mul", to_float(b), b.scalar(self.factor, FLOAT))
