"""Standardization by fitted statistics."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import as_float, to_float
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Standardize(Preprocess):
    """Takes the mean away and divides by the standard deviation, per feature.

        preprocess: {measurements: standardize}

    y = (x - mean) / std, both fitted on the training part only, over all samples and all
    dims but one: the columns of a table, the channels of an image. The deviation is that of
    the population; a feature that never changes is divided by 1. Both are stored with the
    model and are part of the exported graph.

    Arguments:
        dim: the dim of the features; -1 is the last. Without such a dim all numbers are one
            feature
    """

    name: ClassVar[str] = "standardize"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "std")

    dim: int = 1

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

    def statistics_shape(self, x: TensorType) -> tuple[Dim, ...]:
        """The shape of `mean` and `std`: 1 in every dim but that of the features, so that
        they spread over a batch. Raises `ComponentError`."""
        if x.rank < 2:
            return (1,) * x.rank
        if not -x.rank < self.dim < x.rank:
            raise ComponentError(
                "E0401",
                f"`standardize` has features in dim {self.dim}, and the input is {x}",
                blame="dim",
                help=f"give a dim from 1 to {x.rank - 1}, or -1 for the last",
            )
        features = self.dim % x.rank
        return tuple(size if index == features else 1 for index, size in enumerate(x.shape))

    def onnx(self, b: OnnxBuilder) -> str:
        centred = b.node("Sub", to_float(b), b.weight("mean"))
        return b.node("Div", centred, b.weight("std"))
