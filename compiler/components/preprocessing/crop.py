"""Cropping of images at a place."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.preprocessing._images import SizedStep, onnx_window
from dlc.compiler.components.preprocessing._numbers import to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.record import component


@component
class Crop(SizedStep):
    """Cuts a window out of images, always at the same place.

        preprocess: {image: "crop(200, 400, top=100, left=0)"}

    For what every picture has at its border, such as the name of a camera. `center_crop` cuts
    round the middle; `random_crop`, in `data.augment`, at random.

    Arguments:
        height: the height of the window in pixels
        width: the width of the window in pixels; where absent, the height
        top: the first row
        left: the first column

    Source: torchvision.transforms.v2.functional.crop, within the picture.
    """

    name: ClassVar[str] = "crop"

    height: Positive
    width: Positive | None = None
    top: Natural = keyword(0)
    left: Natural = keyword(0)

    @property
    def least(self) -> tuple[int, int]:
        return self.top + self.size[0], self.left + self.size[1]

    def infer(self, x: TensorType) -> TensorType:
        y = SizedStep.infer(self, x)
        for key, first, size, side in zip(
            ("top", "left"), (self.top, self.left), self.size, x.shape[2:], strict=True
        ):
            if isinstance(side, int) and first + size > side:
                raise ComponentError(
                    "E0402",
                    f"the window of `crop` ends at {first + size}, and the side is {side}, in {x}",
                    blame=key if first else "height",
                    help="use a smaller window, or `pad` first",
                )
        return y

    def onnx(self, b: OnnxBuilder) -> str:
        ends = (self.top + self.size[0], self.left + self.size[1])
        starts = b.constant((self.top, self.left), INT)
        return onnx_window(b, to_float(b), starts, b.constant(ends, INT))
