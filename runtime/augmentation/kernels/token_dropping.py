"""Replaces tokens by one that says nothing."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.token_dropping import TokenDropping
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws


class _TokenDropping:
    def draw(self, step: TokenDropping, draws: Draws, size: tuple[int, ...]) -> Draws:
        return draws

    def apply(self, step: TokenDropping, picture: Picture, drawn: Draws) -> torch.Tensor:
        x = picture.x
        dropped = drawn.unit_on(x.device, x.shape[1]) < step.p
        if step.padding is not None:
            dropped &= x != step.padding
        return x.masked_fill(dropped, step.token)


KERNEL = _TokenDropping()
