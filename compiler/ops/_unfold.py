"""What taking windows out of an image and laying them back share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._conv import require_fit, spread
from dlc.compiler.ops.base import Op
from dlc.compiler.record import component


@component
class Windows(Op):
    """The windows of an image.

    Arguments:
        kernel_size: the side of the window; one number, or one for each spatial dim
        dilation: the distance between the points of the window
        padding: the zeros at both ends of each spatial dim of the image
        stride: the step of the window
    """

    if TYPE_CHECKING:
        # Fields of the subclasses, behind others there.
        kernel_size: Positive | tuple[Positive, Positive]
        dilation: Positive | tuple[Positive, Positive] = 1
        padding: Natural | tuple[Natural, Natural] = 0
        stride: Positive | tuple[Positive, Positive] = 1

    @property
    def kernel(self) -> tuple[int, ...]:
        return spread(self.kernel_size, 2)

    @property
    def strides(self) -> tuple[int, ...]:
        return spread(self.stride, 2)

    @property
    def paddings(self) -> tuple[int, ...]:
        return spread(self.padding, 2)

    @property
    def dilations(self) -> tuple[int, ...]:
        return spread(self.dilation, 2)

    @property
    def window(self) -> tuple[int, ...]:
        """The side of the window with its gaps."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def taps(self) -> int:
        """The places of one window."""
        return math.prod(self.kernel)

    def counts(self, x: TensorType, sides: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """The number of windows along each side of the image. Raises E0405, E0407."""
        found: list[Dim] = []
        for side, window, step, padding in zip(
            sides, self.window, self.strides, self.paddings, strict=True
        ):
            require_fit(self.name, x, side, side + 2 * padding, window)
            found.append((side + 2 * padding - window) // step + 1)
        return tuple(found)

    def tiles(self, sides: tuple[Dim, ...]) -> bool:
        """Whether the windows lie side by side and cover the image exactly."""
        return (
            self.strides == self.kernel
            and self.dilations == (1, 1)
            and self.paddings == (0, 0)
            and all(
                isinstance(side, int) and side % k == 0
                for side, k in zip(sides, self.kernel, strict=True)
            )
        )

    def options(self) -> dict[str, int | tuple[int, ...]]:
        """The arguments behind `kernel_size` that are not PyTorch's defaults."""
        return {
            name: getattr(self, name)
            for name, default in (("dilation", 1), ("padding", 0), ("stride", 1))
            if spread(getattr(self, name), 2) != (default, default)
        }
