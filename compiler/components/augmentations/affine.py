"""Images turned, shifted, scaled and sheared."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Fraction, Ge, Le, Lt, PositiveFloat
from dlc.compiler.components.augmentations._images import Warping, require_ascending
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component

Angle = Annotated[float, Ge(0), Lt(90)]


@component
class Affine(Warping):
    """Turns, shifts, scales and shears images at once.

        augment: affine(degrees=10, translate=[0.1, 0.1], scale=[0.9, 1.1])

    Every number is drawn evenly from its range. One reading of the pixels makes all four
    changes, which is sharper and faster than `rotation`, `shift` and `scaling` in a row.

    Arguments:
        degrees: the largest angle
        translate: the largest shifts, as shares of width and height; rounded to whole pixels
        scale: the least and greatest factor
        shear: the largest angles of shear along x and y, in degrees
        fill: what appears where the picture ends, from 0 (black) to 1 (white)
        interpolation: how pixels between pixels are read: `bilinear`, or `nearest`
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomAffine.
    """

    name: ClassVar[str] = "affine"

    degrees: Annotated[float, Ge(0), Le(180)] = 0.0
    translate: tuple[Fraction, Fraction] = keyword((0.0, 0.0))
    scale: tuple[PositiveFloat, PositiveFloat] = keyword((1.0, 1.0))
    shear: tuple[Angle, Angle] = keyword((0.0, 0.0))

    def validate(self) -> None:
        require_ascending(self, "scale")
