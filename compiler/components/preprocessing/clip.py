"""Cutting off what is far out."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import FeatureStep, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT
from dlc.compiler.record import component


@component
class Clip(FeatureStep):
    """Moves what lies outside two bounds to the nearer one.

        preprocess: {income: "clip(0.01, 0.99, by=quantile)"}

    y = min(max(x, low), high). The bounds are numbers, or quantiles of the training part, then
    each feature has its own.

    Arguments:
        low: the lower bound; where absent, there is none
        high: the upper bound; where absent, there is none
        by: `value` takes the bounds as they are, `quantile` as shares of the training part
        dim: with `quantile` the dim of the features: 1 for the columns of a table or the
            channels of an image; -1 is the last
    """

    name: ClassVar[str] = "clip"
    statistics: ClassVar[tuple[str, ...]] = ("low", "high")

    low: float | None = None
    high: float | None = None
    by: Literal["value", "quantile"] = "value"

    def validate(self) -> None:
        FeatureStep.validate(self)
        if self.low is None and self.high is None:
            raise ComponentError(
                "E0303",
                "`clip` has neither `low` nor `high`",
                help="give one of them, or both: `clip(0, 100)`",
            )
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ComponentError(
                "E0310",
                f"bounds from {self.low:g} to {self.high:g}",
                blame="high",
                help="give a `high` above `low`",
            )
        for name, bound in (("low", self.low), ("high", self.high)):
            if self.by == "quantile" and bound is not None and not 0 <= bound <= 1:
                raise ComponentError(
                    "E0302",
                    f"a quantile is a share from 0 to 1, got {bound:g}",
                    blame=name,
                    help=f"write {bound / 100:g} for {bound:g} %" if 1 < bound <= 100 else None,
                )

    def onnx(self, b: OnnxBuilder) -> str:
        value = to_float(b)
        for op, name, bound in (("Max", "low", self.low), ("Min", "high", self.high)):
            if bound is not None:
                fitted = self.by == "quantile"
                value = b.node(op, value, b.weight(name) if fitted else b.scalar(bound, FLOAT))
        return value
