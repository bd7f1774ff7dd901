"""Moves every sample by whole pixels."""

from __future__ import annotations

import numpy as np
import torch

from dlc.compiler.components.augmentations.shift import Shift
from dlc.runtime.augmentation.base import Picture, windows
from dlc.runtime.augmentation.draws import Draws, Indices


class _Shift:
    def draw(self, step: Shift, draws: Draws, size: tuple[int, ...]) -> tuple[Indices, Indices]:
        """Pixels to the right, pixels down."""
        height, width = size[-2:]
        across = step.width * width
        down = (step.width if step.height is None else step.height) * height
        return (
            np.rint(draws.uniform(-across, across)).astype(np.int64),
            np.rint(draws.uniform(-down, down)).astype(np.int64),
        )

    def apply(self, step: Shift, picture: Picture, drawn: tuple[Indices, Indices]) -> torch.Tensor:
        x = picture.x
        right, down = drawn
        height, width = x.shape[-2:]
        across, along = int(np.abs(right).max()), int(np.abs(down).max())
        fill = 0.0 if picture.classes else step.fill * picture.white
        wide = torch.nn.functional.pad(x, (across, across, along, along), value=fill)
        return windows(wide, along - down, across - right, height, width)


KERNEL = _Shift()
