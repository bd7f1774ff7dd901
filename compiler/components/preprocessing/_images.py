"""What the steps on images share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import Shape, TensorType
from dlc.compiler.record import component


@component
class ImageStep(Preprocess):
    """A step on images that gives them a height and a width.

    Arguments:
        height: the height in pixels
        width: the width in pixels; where absent, the height
    """

    where: ClassVar[Literal["host", "graph"]] = "host"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "image files are not read yet: store decoded pixels of one size in a Parquet column"
    )

    height: Positive
    width: Positive | None = None

    def before(self, y: Shape) -> Shape:
        return (*y[:2], symbol("height"), symbol("width")) if len(y) == 4 else y

    def infer(self, x: TensorType) -> TensorType:
        if x.rank != 4:
            raise ComponentError(
                "E0401",
                f"`{self.name}` takes images of [N, channels, height, width], got {x}",
                help="declare the input as `float[N, 3, height, width]`",
            )
        return x.with_shape(*x.shape[:2], self.height, self.width or self.height)
