"""Images without colours."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from dlc.compiler.components.arguments import Ge, Le
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._images import ImageStep
from dlc.compiler.components.preprocessing._numbers import to_float
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT, Shape, TensorType
from dlc.compiler.record import component

#: What red, green and blue add to the light of a pixel (ITU-R 601).
LIGHT: Final = (0.2989, 0.587, 0.114)


@component
class Grayscale(ImageStep):
    """Turns colours into gray.

        preprocess: {image: [grayscale, "resize(32, 32)"]}

    gray = 0.2989 red + 0.587 green + 0.114 blue. Gray pictures stay as they are.

    Arguments:
        channels: 1, or 3 equal ones for a network that takes colours

    Source: torchvision.transforms.v2.Grayscale.
    """

    name: ClassVar[str] = "grayscale"

    channels: Annotated[int, Ge(1), Le(3)] = 1

    def validate(self) -> None:
        if self.channels == 2:
            raise ComponentError(
                "E0302",
                "a gray picture has 1 channel, or 3 equal ones",
                blame="channels",
                help="give 1 or 3",
            )

    def before(self, y: Shape) -> Shape:
        return (y[0], symbol("channels"), *y[2:]) if len(y) == 4 else y

    def infer(self, x: TensorType) -> TensorType:
        y = self.images(x)
        if isinstance(x.shape[1], int) and x.shape[1] not in (1, 3):
            raise ComponentError(
                "E0402",
                f"`grayscale` takes pictures of 1 or 3 channels, got {x}",
                help="declare the column's pictures with 3 channels, or leave the step out",
            )
        return y.with_shape(x.shape[0], self.channels, *x.shape[2:])

    def onnx(self, b: OnnxBuilder) -> str:
        x = to_float(b)
        if b.inputs.x.shape[1] != 1:
            weighted = b.node("Mul", x, b.constant(LIGHT, FLOAT, (1, 3, 1, 1)))
            x = b.node("ReduceSum", weighted, b.constant((1,), INT), keepdims=1)
        return x if self.channels == 1 else b.node("Concat", x, x, x, axis=1)
