"""Maps every sample by its own affine map."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.rotation import Rotation
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.warp import Warp, warped


class _Rotation:
    def draw(self, step: Rotation, draws: Draws, size: tuple[int, ...]) -> Warp:
        return Warp.of(draws.count, degrees=draws.uniform(-step.degrees, step.degrees))

    def apply(self, step: Rotation, picture: Picture, drawn: Warp) -> torch.Tensor:
        nearest = step.interpolation == "nearest"
        return warped(picture, drawn, fill=step.fill, nearest=nearest)


KERNEL = _Rotation()
