"""Turned images."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le
from dlc.compiler.components.augmentations._images import Warping
from dlc.compiler.record import component


@component
class Rotation(Warping):
    """Turns images round their middle.

        augment: rotation(10)

    The angle is drawn evenly from -degrees to +degrees; the picture keeps its size.

    Arguments:
        degrees: the largest angle
        fill: what appears where the picture ends, from 0 (black) to 1 (white)
        interpolation: how pixels between pixels are read: `bilinear`, or `nearest`
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomRotation.
    """

    name: ClassVar[str] = "rotation"

    degrees: Annotated[float, Ge(0), Le(180)] = 15.0
