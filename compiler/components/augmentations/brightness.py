"""Lighter and darker images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.record import component


@component
class Brightness(Augmentation):
    """Makes images lighter and darker.

        augment: brightness(0.2)

    Multiplies by a factor drawn evenly from 1 - amount to 1 + amount, at least 0, and cuts
    what is lighter than white.

    Arguments:
        amount: the largest change
        input: the input that is changed; where absent, the one that holds images

    Source: the brightness of torchvision.transforms.v2.ColorJitter.
    """

    name: ClassVar[str] = "brightness"

    amount: NonNegative = 0.2
