"""Mirrored images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Fraction
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.record import component


@component
class HorizontalFlip(Augmentation):
    """Mirrors images left to right.

        augment: [horizontal_flip]

    Not for digits and letters, which mean something else in a mirror.

    Arguments:
        p: the probability to mirror an image
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandomHorizontalFlip.
    """

    name: ClassVar[str] = "horizontal_flip"
    moves: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True

    p: Fraction = 0.5
