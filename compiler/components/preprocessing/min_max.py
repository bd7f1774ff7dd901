"""Scaling to a range."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import FeatureStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT
from dlc.compiler.record import component


@component
class MinMax(FeatureStep):
    """Moves each feature to a range.

        preprocess: {measurements: min_max}

    y = (x - least) / (greatest - least) * (high - low) + low, least and greatest of the
    training part. Other values may lie outside; `clip` cuts them off. A feature that never
    changes becomes `low`.

    Arguments:
        low: what the least value becomes
        high: what the greatest value becomes
        dim: the dim of the features: 1 for the columns of a table or the channels of an image;
            -1 is the last. Without such a dim all numbers are one feature
    """

    name: ClassVar[str] = "min_max"
    statistics: ClassVar[tuple[str, ...]] = ("least", "range")

    low: float = 0.0
    high: float = 1.0

    def validate(self) -> None:
        FeatureStep.validate(self)
        if not self.low < self.high:
            raise ComponentError(
                "E0310",
                f"a range from {self.low:g} to {self.high:g}",
                blame="high",
                help="give a `high` above `low`",
            )

    def onnx(self, b: OnnxBuilder) -> str:
        value = b.node("Sub", to_float(b), b.weight("least"))
        value = b.node("Div", value, b.weight("range"))
        if self.high - self.low != 1.0:
            value = b.node("Mul", value, b.scalar(self.high - self.low, FLOAT))
        if self.low != 0.0:
            value = b.node("Add", value, b.scalar(self.low, FLOAT))
        return value
