"""What the steps on numbers share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, DType, TensorType
from dlc.compiler.record import component


def as_float(what: str, x: TensorType) -> TensorType:
    """The type with float32 numbers. Raises `ComponentError` for texts."""
    if x.dtype is DType.STRING:
        raise ComponentError(
            "E0406",
            f"`{what}` takes numbers, and gets texts",
            help="turn texts into numbers first, with `vocabulary` or `word`",
        )
    return x.with_dtype(FLOAT)


def to_float(b: OnnxBuilder) -> str:
    """The value at port `x` as float32."""
    return b["x"] if b.inputs.x.dtype is FLOAT else cast(b, b["x"], FLOAT)


def cast(b: OnnxBuilder, value: str, dtype: DType) -> str:
    return b.node("Cast", value, to=dtype.onnx)


@component
class NumberStep(Preprocess):
    """A step on each number by itself."""

    def infer(self, x: TensorType) -> TensorType:
        return as_float(self.name, x)


@component
class FeatureStep(NumberStep):
    """A step that is fitted for each feature: over all samples and all dims but one.

    Arguments:
        dim: the dim of the features: 1 for the columns of a table or the channels of an image;
            -1 is the last. Without such a dim all numbers are one feature
    """

    dim: int = keyword(1)

    def validate(self) -> None:
        if self.dim == 0:
            raise ComponentError(
                "E0302",
                "dim 0 counts the samples, and every sample would be a feature",
                blame="dim",
                help="give 1 for the columns of a table or the channels of an image, or -1",
            )

    def infer(self, x: TensorType) -> TensorType:
        self.statistics_shape(x)
        return as_float(self.name, x)

    def features(self, x: TensorType) -> int | None:
        """The dim of the features, None where all numbers are one. Raises `ComponentError`."""
        if x.rank < 2:
            return None
        if not -x.rank < self.dim < x.rank:
            raise ComponentError(
                "E0401",
                f"`{self.name}` has features in dim {self.dim}, and the input is {x}",
                blame="dim",
                help=f"give a dim from 1 to {x.rank - 1}, or -1 for the last",
            )
        return self.dim % x.rank

    def statistics_shape(self, x: TensorType) -> tuple[Dim, ...]:
        """The shape of a statistic: 1 in every dim but that of the features, so that it
        spreads over a batch. Raises `ComponentError`."""
        features = self.features(x)
        return tuple(size if index == features else 1 for index, size in enumerate(x.shape))


@component
class ScalingStep(FeatureStep):
    """A step that takes `shift` away and divides by `divisor`, the names of two statistics of
    a feature. Either may be absent."""

    shift: ClassVar[str | None] = None
    divisor: ClassVar[str | None] = None

    def onnx(self, b: OnnxBuilder) -> str:
        value = to_float(b)
        if self.shift is not None:
            value = b.node("Sub", value, b.weight(self.shift))
        if self.divisor is not None:
            value = b.node("Div", value, b.weight(self.divisor))
        return value
