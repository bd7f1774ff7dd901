"""Noisy images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.record import component


@component
class GaussianNoise(Augmentation):
    """Adds noise to every pixel.

        augment: gaussian_noise(0.05)

    Normal numbers, drawn for each pixel of each channel; what leaves the range from black
    to white is cut.

    Arguments:
        std: the deviation of the noise, as a share of white
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.GaussianNoise.
    """

    name: ClassVar[str] = "gaussian_noise"

    std: NonNegative = 0.1
