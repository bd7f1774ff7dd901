"""Cut and scaled images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, Positive, PositiveFloat
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.record import component


@component
class RandomResizedCrop(Augmentation):
    """Cuts a random window out of images and scales it to a size.

        augment: [random_resized_crop(224), horizontal_flip]

    Arguments:
        height: the height of the result in pixels
        width: the width of the result in pixels; where absent, the height
        scale: the least and greatest share of the picture's area that the window covers
        ratio: the least and greatest width over height of the window

    Source: Szegedy et al., "Going deeper with convolutions" (2014).
    """

    name: ClassVar[str] = "random_resized_crop"

    height: Positive
    width: Positive | None = None
    scale: tuple[Fraction, Fraction] = keyword((0.08, 1.0))
    ratio: tuple[PositiveFloat, PositiveFloat] = keyword((3 / 4, 4 / 3))

    def validate(self) -> None:
        for key in ("scale", "ratio"):
            low, high = getattr(self, key)
            if low > high:
                raise ComponentError(
                    "E0310",
                    f"the least {key} {low:g} is above the greatest, {high:g}",
                    blame=key,
                    help="write the lesser number first",
                )
