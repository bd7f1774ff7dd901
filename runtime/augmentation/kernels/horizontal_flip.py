"""Mirrors the samples that are drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from dlc.compiler.components.augmentations.horizontal_flip import HorizontalFlip
from dlc.runtime.augmentation.base import Picture, chosen
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.vision import functional

Mask = npt.NDArray[np.bool_]


class _HorizontalFlip:
    def draw(self, step: HorizontalFlip, draws: Draws, size: tuple[int, ...]) -> Mask:
        return draws.chance(step.p)

    def apply(self, step: HorizontalFlip, picture: Picture, drawn: Mask) -> torch.Tensor:
        if not drawn.any():
            return picture.x
        return chosen(drawn, functional.horizontal_flip(picture.x), picture.x)


KERNEL = _HorizontalFlip()
