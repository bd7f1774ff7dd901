"""Resizing of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._images import SizedStep, sides
from dlc.compiler.components.preprocessing._numbers import to_float
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.record import component


@component
class Resize(SizedStep):
    """Scales images to a size, by antialiased bilinear interpolation.

        preprocess: {image: "resize(64, 64)"}

    With one number the shorter side gets that length and the picture keeps its form; a
    `center_crop` then gives all pictures one size. The longer side is rounded down. Pixels
    are float: unlike Pillow, nothing is rounded to 256 levels on the way.

    Arguments:
        height: the height in pixels, or the length of the shorter side
        width: the width in pixels

    Source: torchvision.transforms.v2.Resize with `antialias`.
    """

    name: ClassVar[str] = "resize"

    def infer(self, x: TensorType) -> TensorType:
        x = self.images(x)
        known = sides(x)
        if self.width is not None:
            return x.with_shape(*x.shape[:2], self.height, self.width)
        if known is None:
            return x.with_shape(*x.shape[:2], symbol("resized_height"), symbol("resized_width"))
        return x.with_shape(*x.shape[:2], *self.target(*known))

    def target(self, height: int, width: int) -> tuple[int, int]:
        """The sides of a picture of the given sides after the step."""
        if self.width is not None:
            return self.height, self.width
        short = min(height, width)
        return self.height * height // short, self.height * width // short

    def onnx(self, b: OnnxBuilder) -> str:
        x = to_float(b)
        known = sides(b.inputs.x)
        if self.width is not None or known is not None:
            target = b.constant(self.target(*(known or (1, 1))), INT)
        else:
            given = b.node("Shape", x, start=2)
            scaled = b.node("Mul", given, b.constant((self.height,), INT))
            target = b.node("Div", scaled, b.node("ReduceMin", given, keepdims=1))
        # PyTorch leaves out of the mean what lies outside; so does `exclude_outside`.
        return b.node(
            "Resize",
            x,
            None,
            None,
            target,
            mode="linear",
            antialias=1,
            exclude_outside=1,
            axes=(2, 3),
        )
