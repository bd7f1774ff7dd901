"""Makes every sample lighter or darker."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.brightness import Brightness
from dlc.runtime.augmentation import colors
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws, Numbers


class _Brightness:
    def draw(self, step: Brightness, draws: Draws, size: tuple[int, ...]) -> Numbers:
        return draws.uniform(max(0.0, 1.0 - step.amount), 1.0 + step.amount)

    def apply(self, step: Brightness, picture: Picture, drawn: Numbers) -> torch.Tensor:
        return colors.brightness(picture, drawn)


KERNEL = _Brightness()
