"""Changes the colours of every sample, in an order of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dlc.compiler.components.augmentations.color_jitter import ColorJitter
from dlc.runtime.augmentation import colors
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws, Indices, Numbers

_CHANGES = (colors.brightness, colors.contrast, colors.saturation, colors.hue)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """The order of the changes for each sample, [samples, 4], and the amount of each change."""

    order: Indices
    amounts: tuple[Numbers, ...]


class _ColorJitter:
    def draw(self, step: ColorJitter, draws: Draws, size: tuple[int, ...]) -> _Drawn:
        order = draws.permutations(len(_CHANGES))
        factors = tuple(
            draws.uniform(max(0.0, 1.0 - amount), 1.0 + amount)
            for amount in (step.brightness, step.contrast, step.saturation)
        )
        return _Drawn(order=order, amounts=(*factors, draws.uniform(-step.hue, step.hue)))

    def apply(self, step: ColorJitter, picture: Picture, drawn: _Drawn) -> torch.Tensor:
        asked = (step.brightness, step.contrast, step.saturation, step.hue)
        used = [index for index, amount in enumerate(asked) if amount > 0.0]
        if len(used) == 1:
            return _CHANGES[used[0]](picture, drawn.amounts[used[0]])
        x = picture.x.clone() if used else picture.x
        for turn in drawn.order.T:
            for index in used:
                rows = np.flatnonzero(turn == index)
                if len(rows):
                    where = torch.from_numpy(rows).to(x.device)
                    part = picture.with_(x.index_select(0, where))
                    x[where] = _CHANGES[index](part, drawn.amounts[index][rows])
        return x


KERNEL = _ColorJitter()
