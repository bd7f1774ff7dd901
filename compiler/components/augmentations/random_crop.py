"""Images cut at random."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, Natural
from dlc.compiler.components.augmentations._images import Window
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component


@component
class RandomCrop(Window):
    """Surrounds images with a border and cuts out a window at random.

        augment: random_crop(28, padding=2)

    The window is as large as the network's input. A picture that is smaller is widened with
    `fill` on all sides first. Where the last step of `preprocess` on the pictures is
    `center_crop`, training cuts here instead: from all that the crop would take away.

    Arguments:
        height: the height of the window in pixels
        width: the width of the window in pixels; where absent, the height
        padding: the border on each side, in pixels
        fill: the border, from 0 (black) to 1 (white)
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomCrop.
    """

    name: ClassVar[str] = "random_crop"

    padding: Natural = keyword(0)
    fill: Fraction = keyword(0.0)
