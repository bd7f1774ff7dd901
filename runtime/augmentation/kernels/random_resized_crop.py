"""Cuts a window out of every sample and scales it."""

from __future__ import annotations

import numpy as np
import torch

from dlc.compiler.components.augmentations.random_resized_crop import RandomResizedCrop
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws, Indices
from dlc.runtime.augmentation.rectangles import rectangles
from dlc.runtime.augmentation.vision import BILINEAR, NEAREST, functional


class _RandomResizedCrop:
    def draw(self, step: RandomResizedCrop, draws: Draws, size: tuple[int, ...]) -> Indices:
        """Top, left, height and width of each window, [samples, 4]."""
        height, width = size[-2:]
        heights, widths = rectangles(draws, (height, width), step.scale, step.ratio, inside=False)
        tops = draws.below((height - heights + 1)[:, None])[:, 0]
        lefts = draws.below((width - widths + 1)[:, None])[:, 0]
        found = np.stack((tops, lefts, heights, widths), axis=1)
        found[heights == 0] = _middle(step, height, width)
        return found

    def apply(self, step: RandomResizedCrop, picture: Picture, drawn: Indices) -> torch.Tensor:
        mode = NEAREST if picture.classes else BILINEAR
        parts = [
            functional.resized_crop(
                x, *window, size=list(step.size), interpolation=mode, antialias=True
            )
            for x, window in zip(picture.x, drawn.tolist(), strict=True)
        ]
        return torch.stack(parts)


def _middle(step: RandomResizedCrop, height: int, width: int) -> tuple[int, int, int, int]:
    """The largest window in the middle whose form is allowed."""
    form = min(max(width / height, step.ratio[0]), step.ratio[1])
    tall, wide = min(height, round(width / form)), min(width, round(height * form))
    return (height - tall) // 2, (width - wide) // 2, tall, wide


KERNEL = _RandomResizedCrop()
