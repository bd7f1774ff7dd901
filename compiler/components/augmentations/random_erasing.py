"""Images with a hole."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Fraction, Gt, Le, PositiveFloat
from dlc.compiler.components.augmentations._images import require_ascending
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component

Share = Annotated[float, Gt(0), Le(1)]


@component
class RandomErasing(Augmentation):
    """Erases a random rectangle of images.

        augment: random_erasing(0.25)

    The area and the form are drawn, then the place; after ten rectangles that do not lie
    in the picture it stays whole.

    Arguments:
        p: the probability to erase a part of an image
        scale: the least and greatest share of the picture's area that is erased
        ratio: the least and greatest height over width of the rectangle
        value: what stands there: a number from 0 (black) to 1 (white), or `random` for
            noise of each pixel
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomErasing; Zhong et al., "Random erasing data
    augmentation" (2020).
    """

    name: ClassVar[str] = "random_erasing"

    p: Fraction = 0.5
    scale: tuple[Share, Share] = keyword((0.02, 0.33))
    ratio: tuple[PositiveFloat, PositiveFloat] = keyword((0.3, 3.3))
    value: Fraction | Literal["random"] = keyword(0.0)

    def validate(self) -> None:
        require_ascending(self, "scale", "ratio")
