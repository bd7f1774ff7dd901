"""Makes random changes of one strength on every sample."""

from __future__ import annotations

from typing import Final

import torch

from dlc.compiler.components.augmentations.rand_augment import RandAugment
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.policies import Change, Turns, changed

_LEVELS: Final = 31
CHANGES: Final = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)


class _RandAugment:
    def draw(self, step: RandAugment, draws: Draws, size: tuple[int, ...]) -> Turns:
        sides = (size[-2], size[-1])
        turns = []
        for _ in range(step.num_ops):
            names = draws.below(len(CHANGES))[:, 0].tolist()
            signs = draws.chance(0.5).tolist()
            turns.append(
                tuple(
                    Change.drawn(CHANGES[name], step.magnitude, _LEVELS, sides, sign)
                    if CHANGES[name] != "Identity"
                    else None
                    for name, sign in zip(names, signs, strict=True)
                )
            )
        return tuple(turns)

    def apply(self, step: RandAugment, picture: Picture, drawn: Turns) -> torch.Tensor:
        return changed(picture, drawn)


KERNEL = _RandAugment()
