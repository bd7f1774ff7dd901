"""Enlarged and reduced images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.augmentations._images import Warping
from dlc.compiler.components.base import ComponentError
from dlc.compiler.record import component


@component
class Scaling(Warping):
    """Enlarges and reduces images about their middle.

        augment: scaling(0.9, 1.1)

    The factor is drawn evenly; the picture keeps its size: its border is cut off, or filled.

    Arguments:
        low: the least factor
        high: the greatest factor
        fill: what appears where the picture ends, from 0 (black) to 1 (white)
        interpolation: how pixels between pixels are read: `bilinear`, or `nearest`
        input: the input that is changed; where absent, the one that holds images

    Source: the scaling of torchvision.transforms.v2.RandomAffine.
    """

    name: ClassVar[str] = "scaling"

    low: PositiveFloat = 0.9
    high: PositiveFloat = 1.1

    def validate(self) -> None:
        if self.low > self.high:
            raise ComponentError(
                "E0310",
                f"the least factor {self.low:g} is above the greatest, {self.high:g}",
                blame="low",
                help="write the lesser number first",
            )
