"""Changed colours."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le, NonNegative
from dlc.compiler.components.augmentations._images import Coloring
from dlc.compiler.record import component


@component
class ColorJitter(Coloring):
    """Changes brightness, contrast, saturation and hue, in a random order.

        augment: color_jitter(0.4, 0.4, 0.4, 0.1)

    The factors of the first three are drawn evenly from 1 - amount to 1 + amount, at least
    0; the hue is turned by -amount to +amount of the circle. Gray pictures have neither
    saturation nor hue.

    Arguments:
        brightness: the largest change of brightness
        contrast: the largest change of contrast
        saturation: the largest change of saturation
        hue: the largest turn of the hue, half of the circle at most
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.ColorJitter.
    """

    name: ClassVar[str] = "color_jitter"

    brightness: NonNegative = 0.0
    contrast: NonNegative = 0.0
    saturation: NonNegative = 0.0
    hue: Annotated[float, Ge(0), Le(0.5)] = 0.0
