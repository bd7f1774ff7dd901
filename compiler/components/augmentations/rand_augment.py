"""Random changes of one strength."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le, Natural
from dlc.compiler.components.augmentations._images import Policy
from dlc.compiler.components.base import keyword
from dlc.compiler.record import component


@component
class RandAugment(Policy):
    """Makes some random changes of one strength.

        augment: [horizontal_flip, "rand_augment(2, magnitude=9)"]

    Each change is drawn evenly from 14: none, shears, shifts, turns, colours, contrast,
    sharpness, fewer brightness levels, equalization. Pixels are rounded to 256 levels on
    the way.

    Arguments:
        num_ops: how many changes are made, one after the other
        magnitude: their strength, from 0 to 30
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.RandAugment; Cubuk et al., "RandAugment: practical
    automated data augmentation with a reduced search space" (2020).
    """

    name: ClassVar[str] = "rand_augment"
    num_ops: Natural = 2
    magnitude: Annotated[int, Ge(0), Le(30)] = keyword(9)
