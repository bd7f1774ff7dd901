"""Borders round images."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.preprocessing._images import ImageStep
from dlc.compiler.components.preprocessing._numbers import to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT, Shape, TensorType
from dlc.compiler.record import component


@component
class Pad(ImageStep):
    """Surrounds images with a border.

        preprocess: {image: pad(2)}

    LeNet took digits of 28 x 28 as 32 x 32 so.

    Arguments:
        padding: the border in pixels on all sides, or left, top, right and bottom
        fill: the value of the border, as the pixels are stored: from 0 to 1 for decoded files
        mode: `constant` fills, `reflect` mirrors at the outermost pixel, `edge` repeats it

    Source: torchvision.transforms.v2.Pad.
    """

    name: ClassVar[str] = "pad"

    padding: Natural | tuple[Natural, Natural, Natural, Natural]
    fill: float = keyword(0.0)
    mode: Literal["constant", "reflect", "edge"] = keyword("constant")

    @property
    def borders(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return (self.padding,) * 4 if isinstance(self.padding, int) else self.padding

    @property
    def least(self) -> tuple[int, int]:
        left, top, right, bottom = self.borders
        mirrored = self.mode == "reflect"
        return (max(top, bottom) + 1, max(left, right) + 1) if mirrored else (1, 1)

    def before(self, y: Shape) -> Shape:
        if len(y) != 4:
            return y
        left, top, right, bottom = self.borders
        return (*y[:2], y[2] - (top + bottom), y[3] - (left + right))

    def infer(self, x: TensorType) -> TensorType:
        y = self.images(x)
        left, top, right, bottom = self.borders
        for side, border in ((x.shape[2], max(top, bottom)), (x.shape[3], max(left, right))):
            if self.mode == "reflect" and isinstance(side, int) and border >= side:
                raise ComponentError(
                    "E0402",
                    f"a border of {border} reaches beyond the mirror image of a side of {side}, "
                    f"in {x}",
                    blame="padding",
                    help=f"give {side - 1} at most, or another `mode`",
                )
        return y.with_shape(*x.shape[:2], x.shape[2] + (top + bottom), x.shape[3] + (left + right))

    def onnx(self, b: OnnxBuilder) -> str:
        left, top, right, bottom = self.borders
        pads = b.constant((0, 0, top, left, 0, 0, bottom, right), INT)
        if self.mode == "constant":
            return b.node("Pad", to_float(b), pads, b.scalar(self.fill, FLOAT))
        return b.node("Pad", to_float(b), pads, mode=self.mode)
