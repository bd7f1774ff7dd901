"""Maps every sample by its own affine map."""

from __future__ import annotations

import numpy as np
import torch

from dlc.compiler.components.augmentations.affine import Affine
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.warp import Warp, warped


class _Affine:
    def draw(self, step: Affine, draws: Draws, size: tuple[int, ...]) -> Warp:
        height, width = size[-2:]
        right, down = step.translate[0] * width, step.translate[1] * height
        return Warp.of(
            draws.count,
            degrees=draws.uniform(-step.degrees, step.degrees),
            right=np.rint(draws.uniform(-right, right)),
            down=np.rint(draws.uniform(-down, down)),
            scale=draws.uniform(*step.scale),
            shear_x=draws.uniform(-step.shear[0], step.shear[0]),
            shear_y=draws.uniform(-step.shear[1], step.shear[1]),
        )

    def apply(self, step: Affine, picture: Picture, drawn: Warp) -> torch.Tensor:
        nearest = step.interpolation == "nearest"
        return warped(picture, drawn, fill=step.fill, nearest=nearest)


KERNEL = _Affine()
