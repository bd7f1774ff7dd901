"""Mirrors the samples that are drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from dlc.compiler.components.augmentations.vertical_flip import VerticalFlip
from dlc.runtime.augmentation.base import Picture, chosen
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.vision import functional

Mask = npt.NDArray[np.bool_]


class _VerticalFlip:
    def draw(self, step: VerticalFlip, draws: Draws, size: tuple[int, ...]) -> Mask:
        return draws.chance(step.p)

    def apply(self, step: VerticalFlip, picture: Picture, drawn: Mask) -> torch.Tensor:
        if not drawn.any():
            return picture.x
        return chosen(drawn, functional.vertical_flip(picture.x), picture.x)


KERNEL = _VerticalFlip()
