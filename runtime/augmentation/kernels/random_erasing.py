"""Erases a rectangle of every sample that is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dlc.compiler.components.augmentations.random_erasing import RandomErasing
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws, Indices
from dlc.runtime.augmentation.rectangles import covered, rectangles


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Top, left, height and width of each rectangle, [samples, 4]; the numbers that follow
    are those of the noise."""

    rectangles: Indices
    draws: Draws


class _RandomErasing:
    def draw(self, step: RandomErasing, draws: Draws, size: tuple[int, ...]) -> _Drawn:
        height, width = size[-2:]
        mask = draws.chance(step.p)
        # The ratio of erasing is that of height to width: the other way round.
        ratio = (1.0 / step.ratio[1], 1.0 / step.ratio[0])
        heights, widths = rectangles(draws, (height, width), step.scale, ratio, inside=True)
        tops = draws.below((height - heights + 1)[:, None])
        lefts = draws.below((width - widths + 1)[:, None])
        sides = np.stack((heights * mask, widths * mask), axis=1)
        return _Drawn(rectangles=np.concatenate((tops, lefts, sides), axis=1), draws=draws)

    def apply(self, step: RandomErasing, picture: Picture, drawn: _Drawn) -> torch.Tensor:
        x = picture.x
        erased = covered(drawn.rectangles, x)
        if step.value != "random":
            return x.masked_fill(erased, float(step.value) * picture.white)
        noise = drawn.draws.normal_on(x.device, x[0].numel()).view(x.shape)
        return torch.where(erased, noise.mul_(picture.white).to(x.dtype), x)


KERNEL = _RandomErasing()
