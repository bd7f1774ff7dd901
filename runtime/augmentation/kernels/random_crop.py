"""Cuts a window of one size out of every sample."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.random_crop import RandomCrop
from dlc.runtime.augmentation.base import Picture, windows
from dlc.runtime.augmentation.draws import Draws, Indices


class _RandomCrop:
    def draw(
        self, step: RandomCrop, draws: Draws, size: tuple[int, ...]
    ) -> tuple[Indices, Indices]:
        """The first row and the first column of each window, in the widened picture."""
        height, width = _widened(step, *size[-2:])
        rows = draws.below(height - step.size[0] + 1)[:, 0]
        return rows, draws.below(width - step.size[1] + 1)[:, 0]

    def apply(
        self, step: RandomCrop, picture: Picture, drawn: tuple[Indices, Indices]
    ) -> torch.Tensor:
        x = picture.x
        height, width = x.shape[-2:]
        tall, wide = _widened(step, height, width)
        # What is widened because the window is larger gets the same on both sides.
        across, along = (wide - width) // 2, (tall - height) // 2
        if tall != height or wide != width:
            fill = 0.0 if picture.classes else step.fill * picture.white
            x = torch.nn.functional.pad(x, (across, across, along, along), value=fill)
        return windows(x, *drawn, *step.size)


def _widened(step: RandomCrop, height: int, width: int) -> tuple[int, int]:
    height, width = height + 2 * step.padding, width + 2 * step.padding
    return (
        height + 2 * max(step.size[0] - height, 0),
        width + 2 * max(step.size[1] - width, 0),
    )


KERNEL = _RandomCrop()
