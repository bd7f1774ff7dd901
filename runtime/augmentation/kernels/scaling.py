"""Maps every sample by its own affine map."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.scaling import Scaling
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.warp import Warp, warped


class _Scaling:
    def draw(self, step: Scaling, draws: Draws, size: tuple[int, ...]) -> Warp:
        return Warp.of(draws.count, scale=draws.uniform(step.low, step.high))

    def apply(self, step: Scaling, picture: Picture, drawn: Warp) -> torch.Tensor:
        nearest = step.interpolation == "nearest"
        return warped(picture, drawn, fill=step.fill, nearest=nearest)


KERNEL = _Scaling()
