"""Adds noise to series, and stretches their values."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.time_series_jitter import TimeSeriesJitter
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws


class _TimeSeriesJitter:
    def draw(self, step: TimeSeriesJitter, draws: Draws, size: tuple[int, ...]) -> Draws:
        return draws

    def apply(self, step: TimeSeriesJitter, picture: Picture, drawn: Draws) -> torch.Tensor:
        x = picture.x
        # Of the values of a series each is stretched by itself; a plain series is one value.
        values = x.shape[2] if x.dim() == 3 else 1
        shape = (len(x), 1, values)[: x.dim()]
        stretch = drawn.normal_on(x.device, values).mul_(step.scale).add_(1.0).view(shape)
        noise = drawn.normal_on(x.device, x[0].numel()).mul_(step.std).view(x.shape)
        return x * stretch.to(x.dtype) + noise.to(x.dtype)


KERNEL = _TimeSeriesJitter()
