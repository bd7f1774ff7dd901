"""Filling in missing numbers."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import FeatureStep, cast, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, Shape, TensorType
from dlc.compiler.record import component


@component
class Impute(FeatureStep):
    """Fills in numbers that are missing, per feature.

        preprocess: {measurements: [impute(median), standardize]}

    As the first step of an input it lets empty cells and nulls through, as NaN, which the
    exported file takes too. With an indicator as many features follow as there were, each 1
    where its number was missing and else 0.

    Arguments:
        strategy: `mean` or `median` of what the training part has, or the `constant`
        value: the constant
        indicator: append which numbers were missing
        dim: the dim of the features: 1 for the columns of a table; -1 is the last. Without such
            a dim all numbers are one feature
    """

    name: ClassVar[str] = "impute"
    statistics: ClassVar[tuple[str, ...]] = ("fill",)
    missing: ClassVar[bool] = True

    strategy: Literal["mean", "median", "constant"] = "mean"
    value: float = 0.0
    indicator: bool = False

    def validate(self) -> None:
        FeatureStep.validate(self)
        if self.value != 0.0 and self.strategy != "constant":
            raise ComponentError(
                "E0311",
                f"`value` is for the strategy `constant`, and this one is `{self.strategy}`",
                blame="value",
                help=f"write `impute(constant, {self.value:g})`, or leave `value` out",
            )

    def before(self, y: Shape) -> Shape:
        if not self.indicator:
            return y
        if len(y) < 2 or not -len(y) < self.dim < len(y):
            raise ComponentError(
                "E0401",
                f"`impute` appends its indicator in dim {self.dim}, and {len(y)} "
                f"{'dim is' if len(y) == 1 else 'dims are'} wanted",
                blame="indicator",
                help="declare a dim for the numbers and their indicators: `float[N, 2]`",
            )
        axis = self.dim % len(y)
        both = y[axis]
        if isinstance(both, int) and both % 2:
            raise ComponentError(
                "E0404",
                f"`impute` gives each number an indicator, and {both} is no even number",
                blame="indicator",
                help="declare twice as many numbers as there are columns",
            )
        return (*y[:axis], both // 2, *y[axis + 1 :])

    def infer(self, x: TensorType) -> TensorType:
        found = FeatureStep.infer(self, x)
        axis = self.features(x)
        if not self.indicator:
            return found
        if axis is None:
            raise ComponentError(
                "E0401",
                f"`impute` appends its indicator in dim {self.dim}, and gets {x}",
                blame="indicator",
                help="declare a dim for the numbers and their indicators: `float[N, 2]`",
            )
        return found.with_shape(*x.shape[:axis], x.shape[axis] * 2, *x.shape[axis + 1 :])

    def onnx(self, b: OnnxBuilder) -> str:
        value = to_float(b)
        missing = b.node("IsNaN", value)
        filled = b.node("Where", missing, b.weight("fill"), value)
        if not self.indicator:
            return filled
        return b.node("Concat", filled, cast(b, missing, FLOAT), axis=self.dim)
