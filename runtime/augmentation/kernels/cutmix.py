"""Pastes a rectangle of the sample before it into every sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dlc.compiler.components.augmentations.cutmix import Cutmix
from dlc.runtime.augmentation.draws import Draws, Indices, Numbers
from dlc.runtime.augmentation.rectangles import covered


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Top, left, height and width of what is pasted, [samples, 4]; what each sample keeps."""

    rectangles: Indices
    kept: Numbers


class _Cutmix:
    def draw(self, step: Cutmix, draws: Draws, size: tuple[int, ...]) -> _Drawn:
        height, width = size[-2:]
        pasted = draws.chance(step.p)
        side = 0.5 * np.sqrt(1.0 - draws.beta(step.alpha)) * pasted
        found, area = [], np.ones(draws.count)
        for length in (height, width):
            middle = draws.below(length)[:, 0]
            half = (side * length).astype(np.int64)
            first = np.maximum(middle - half, 0)
            extent = np.minimum(middle + half, length) - first
            found.append((first, extent))
            area = area * extent
        (tops, heights), (lefts, widths) = found
        return _Drawn(
            rectangles=np.stack((tops, lefts, heights, widths), axis=1),
            kept=1.0 - area / (height * width),
        )

    def mix(self, step: Cutmix, x: torch.Tensor, drawn: _Drawn) -> torch.Tensor:
        return torch.where(covered(drawn.rectangles, x), x[:-1], x[1:])

    def shares(self, drawn: _Drawn) -> Numbers:
        return drawn.kept


KERNEL = _Cutmix()
