"""Images cut and scaled at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Le, PositiveFloat
from dlc.compiler.components.augmentations._images import Window, require_ascending
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component

Share = Annotated[float, Gt(0), Le(1)]


@component
class RandomResizedCrop(Window):
    """Cuts a random window out of images and scales it to a size.

        augment: [random_resized_crop(224), horizontal_flip]

    The area and the form of the window are drawn, then its place; after ten windows that
    do not lie in the picture, the largest in its middle is taken. Scaling is antialiased
    and bilinear, as `resize` does it. Where the last step of `preprocess` on the pictures is
    `center_crop`, training cuts here instead: from all that the crop would take away.

    Arguments:
        height: the height of the result in pixels
        width: the width of the result in pixels; where absent, the height
        scale: the least and greatest share of the picture's area that the window covers
        ratio: the least and greatest width over height of the window
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomResizedCrop; Szegedy et al., "Going deeper with
    convolutions" (2014).
    """

    name: ClassVar[str] = "random_resized_crop"

    scale: tuple[Share, Share] = keyword((0.08, 1.0))
    ratio: tuple[PositiveFloat, PositiveFloat] = keyword((3 / 4, 4 / 3))

    def validate(self) -> None:
        require_ascending(self, "scale", "ratio")
