"""Cropping of images round their middle."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._images import SizedStep, onnx_window, sides
from dlc.compiler.components.preprocessing._numbers import to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT
from dlc.compiler.record import component


@component
class CenterCrop(SizedStep):
    """Cuts the middle out of images.

        preprocess: {image: [resize(256), center_crop(224)]}

    A picture that is smaller is surrounded by zeros.

    Arguments:
        height: the height in pixels
        width: the width in pixels; where absent, the height

    Source: torchvision.transforms.v2.CenterCrop.
    """

    name: ClassVar[str] = "center_crop"

    def borders(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The zeros before and after the rows, and the columns, of a picture."""
        missing = [
            max(want - side, 0) for want, side in zip(self.size, (height, width), strict=True)
        ]
        return (missing[0] // 2, -(-missing[0] // 2)), (missing[1] // 2, -(-missing[1] // 2))

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """The first row and column that are kept; halves are rounded to the even number."""
        top, left = (
            round((max(side, want) - want) / 2)
            for want, side in zip(self.size, (height, width), strict=True)
        )
        return top, left

    def onnx(self, b: OnnxBuilder) -> str:
        x = to_float(b)
        known = sides(b.inputs.x)
        if known is None:
            return self._of_any_size(b, x)
        (above, below), (before, after) = self.borders(*known)
        if above or below or before or after:
            pads = b.constant((0, 0, above, before, 0, 0, below, after), INT)
            x = b.node("Pad", x, pads)
        top, left = self.corner(*known)
        if (max(known[0], self.size[0]), max(known[1], self.size[1])) == self.size:
            return x
        ends = (top + self.size[0], left + self.size[1])
        return onnx_window(b, x, b.constant((top, left), INT), b.constant(ends, INT))

    def _of_any_size(self, b: OnnxBuilder, x: str) -> str:
        want, none, two = b.constant(self.size, INT), b.constant((0, 0), INT), b.constant((2,), INT)
        given = b.node("Shape", x, start=2)
        missing = b.node("Max", b.node("Sub", want, given), none)
        less = b.node("Div", missing, two)
        pads = b.node("Concat", none, less, none, b.node("Sub", missing, less), axis=0)
        x = b.node("Pad", x, pads)
        over = b.node("Max", b.node("Sub", given, want), none)
        half = b.node("Mul", b.node("Cast", over, to=FLOAT.onnx), b.constant((0.5,), FLOAT))
        start = b.node("Cast", b.node("Round", half), to=INT.onnx)
        return onnx_window(b, x, start, b.node("Add", start, want))
