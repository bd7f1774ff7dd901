"""Shifted images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component


@component
class RandomCrop(Augmentation):
    """Surrounds images with zeros and cuts out a window at random.

        augment: random_crop(28, padding=2)

    Arguments:
        height: the height of the window in pixels
        width: the width of the window in pixels; where absent, the height
        padding: the zeros on each side, in pixels
    """

    name: ClassVar[str] = "random_crop"

    height: Positive
    width: Positive | None = None
    padding: Natural = keyword(0)
