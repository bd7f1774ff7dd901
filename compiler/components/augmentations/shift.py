"""Shifted images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction
from dlc.compiler.components.augmentations._images import Moving
from dlc.compiler.record import component


@component
class Shift(Moving):
    """Shifts images by whole pixels.

        augment: shift(0.1)

    Each direction is drawn for itself, evenly from -share to +share of the side, rounded.

    Arguments:
        width: the largest shift to the left and right, as a share of the width
        height: the largest shift up and down, as a share of the height; where absent, that
            of the width
        fill: what appears where the picture ends, from 0 (black) to 1 (white)
        input: the input that is changed; where absent, the one that holds images

    Source: the translation of torchvision.transforms.v2.RandomAffine.
    """

    name: ClassVar[str] = "shift"

    width: Fraction = 0.1
    height: Fraction | None = None
