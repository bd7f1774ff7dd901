"""What the steps on images share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import as_float
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import INT, Shape, TensorType
from dlc.compiler.record import component


@component
class ImageStep(Preprocess):
    """A step that changes the sides or the channels of images, [N, C, H, W].

    Such steps run picture by picture while a column is read, so that pictures of all sizes
    come to one; in the file they are nodes in front of the network.
    """

    spatial: ClassVar[bool] = True

    @property
    def least(self) -> tuple[int, int]:
        """The least height and width that the step takes."""
        return 1, 1

    def images(self, x: TensorType) -> TensorType:
        """The images as float. Raises `ComponentError` for what is none."""
        if x.rank != 4:
            raise ComponentError(
                "E0401",
                f"`{self.name}` takes images of [N, channels, height, width], got {x}",
                help="declare the input as `float[N, 3, height, width]`",
            )
        return as_float(self.name, x)


@component
class SizedStep(ImageStep):
    """A step on images that gives them a height and a width.

    Arguments:
        height: the height in pixels
        width: the width in pixels; where absent, the height
    """

    height: Positive
    width: Positive | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result."""
        return self.height, self.width or self.height

    def before(self, y: Shape) -> Shape:
        return any_sides(y)

    def infer(self, x: TensorType) -> TensorType:
        return self.images(x).with_shape(*x.shape[:2], *self.size)


def any_sides(y: Shape) -> Shape:
    """The sizes of pictures whose height and width may be any."""
    return (*y[:2], symbol("height"), symbol("width")) if len(y) == 4 else y


def sides(x: TensorType) -> tuple[int, int] | None:
    """Height and width, None where one is not known."""
    height, width = x.shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def onnx_window(b: OnnxBuilder, x: str, starts: str, ends: str) -> str:
    """The window between two corners."""
    return b.node("Slice", x, starts, ends, b.constant((2, 3), INT))
