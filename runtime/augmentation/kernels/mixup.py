"""Blends every sample with the one before it."""

from __future__ import annotations

import numpy as np
import torch

from dlc.compiler.components.augmentations.mixup import Mixup
from dlc.runtime.augmentation.base import column
from dlc.runtime.augmentation.draws import Draws, Numbers


class _Mixup:
    def draw(self, step: Mixup, draws: Draws, size: tuple[int, ...]) -> Numbers:
        """The share that each sample keeps of itself."""
        return np.where(draws.chance(step.p), draws.beta(step.alpha), 1.0)

    def mix(self, step: Mixup, x: torch.Tensor, drawn: Numbers) -> torch.Tensor:
        share = column(drawn, x)
        return x[1:] * share + x[:-1] * (1.0 - share)

    def shares(self, drawn: Numbers) -> Numbers:
        return drawn


KERNEL = _Mixup()
