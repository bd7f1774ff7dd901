"""What the augmentations of images share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Fraction, Positive
from dlc.compiler.components.augmentations.base import Augmentation, Types, input_of
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Moving(Augmentation):
    """An augmentation that moves pixels.

    Arguments:
        fill: what appears where the picture ends, from 0 (black) to 1 (white)
    """

    moves: ClassVar[bool] = True

    fill: Fraction = keyword(0.0)


@component
class Warping(Moving):
    """An augmentation that reads pixels between pixels.

    Arguments:
        interpolation: how: `bilinear`, or `nearest` where values must not be mixed
    """

    interpolation: Literal["bilinear", "nearest"] = keyword("bilinear")


@component
class Window(Augmentation):
    """An augmentation that cuts out a window.

    Arguments:
        height: the height in pixels
        width: the width in pixels; where absent, the height
    """

    moves: ClassVar[bool] = True

    height: Positive
    width: Positive | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result."""
        return self.height, self.width or self.height

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        Augmentation.check(self, inputs, targets, outputs, losses)
        declared = inputs[input_of(self, inputs)]
        for given, wanted in zip(self.size, declared.shape[2:], strict=True):
            if isinstance(wanted, int) and given != wanted:
                height, width = self.size
                raise ComponentError(
                    "E0402",
                    f"`{self.name}` gives pictures of {height} x {width}, and the input "
                    f"is {declared}",
                    blame="height",
                    help="the window is as large as the declared input",
                )


def require_colors(name: str, x: TensorType) -> None:
    """Raises `ComponentError` for pictures that are neither gray nor red, green, blue."""
    channels = x.shape[1]
    if isinstance(channels, int) and channels not in (1, 3):
        raise ComponentError(
            "E0402",
            f"`{name}` takes pictures of 1 or 3 channels, got {x}",
            help="leave it out: only gray, and red, green and blue have such changes",
        )


@component
class Coloring(Augmentation):
    """An augmentation that changes colours: of pictures in gray, or in red, green, blue."""

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        require_colors(self.name, inputs[input_of(self, inputs)])


@component
class Policy(Coloring):
    """Changes of many kinds, which pictures can take and masks cannot."""

    moves: ClassVar[bool] = True

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        Coloring.check(self, inputs, targets, outputs, losses)
        refuse_maps(self, targets)


def refuse_maps(augmentation: Augmentation, targets: Types) -> None:
    """Raises `ComponentError` where a target has a value for each pixel."""
    for name, type in targets.items():
        if type.rank < 3:
            continue
        raise ComponentError(
            "E0311",
            f"`{augmentation.name}` would change the picture and not `{name}`, "
            f"{type}, which belongs to its pixels",
            help="use `affine`, `horizontal_flip`, `color_jitter`: targets move along with them",
        )


def require_ascending(component: Augmentation, *keys: str) -> None:
    """Raises `ComponentError` for a pair whose first number is above its second."""
    for key in keys:
        low, high = getattr(component, key)
        if low > high:
            raise ComponentError(
                "E0310",
                f"the least {key} {low:g} is above the greatest, {high:g}",
                blame=key,
                help="write the lesser number first",
            )
