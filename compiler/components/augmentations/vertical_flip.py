"""Images upside down."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.record import component


@component
class VerticalFlip(Augmentation):
    """Turns images upside down.

        augment: [horizontal_flip, vertical_flip]

    For pictures without an up, such as those from above or through a microscope.

    Arguments:
        p: the probability to turn an image
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomVerticalFlip.
    """

    name: ClassVar[str] = "vertical_flip"
    moves: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True

    p: Fraction = 0.5
