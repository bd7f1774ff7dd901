"""Learned changes of images."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.augmentations._images import Policy
from dlc.compiler.record import component


@component
class AutoAugment(Policy):
    """Changes images by a policy that was learned on a known data set.

        augment: [auto_augment(imagenet), horizontal_flip]

    One of 25 pairs of changes is drawn for each picture, and each of the two is made with
    its own probability: shears, shifts, turns, colours, contrast, sharpness, fewer
    brightness levels, inversion. Pixels are rounded to 256 levels on the way.

    Arguments:
        policy: the data set that the policy was learned on
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.AutoAugment; Cubuk et al., "AutoAugment: learning
    augmentation strategies from data" (2019).
    """

    name: ClassVar[str] = "auto_augment"
    policy: Literal["imagenet", "cifar10", "svhn"] = "imagenet"
