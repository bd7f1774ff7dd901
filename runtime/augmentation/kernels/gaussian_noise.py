"""Adds noise to every pixel of every sample."""

from __future__ import annotations

import torch

from dlc.compiler.components.augmentations.gaussian_noise import GaussianNoise
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws


class _GaussianNoise:
    def draw(self, step: GaussianNoise, draws: Draws, size: tuple[int, ...]) -> Draws:
        return draws

    def apply(self, step: GaussianNoise, picture: Picture, drawn: Draws) -> torch.Tensor:
        x = picture.x
        noise = drawn.normal_on(x.device, x[0].numel()).view(x.shape)
        return (x + noise.mul_(step.std * picture.white).to(x.dtype)).clamp_(0.0, picture.white)


KERNEL = _GaussianNoise()
