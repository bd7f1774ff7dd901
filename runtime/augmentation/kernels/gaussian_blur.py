"""Blurs every sample by a bell of its own width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dlc.compiler.components.augmentations.gaussian_blur import GaussianBlur
from dlc.runtime.augmentation.base import Picture, chosen, column
from dlc.runtime.augmentation.draws import Draws, Numbers


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    mask: npt.NDArray[np.bool_]
    sigma: Numbers


class _GaussianBlur:
    def draw(self, step: GaussianBlur, draws: Draws, size: tuple[int, ...]) -> _Drawn:
        return _Drawn(mask=draws.chance(step.p), sigma=draws.uniform(*step.sigma))

    def apply(self, step: GaussianBlur, picture: Picture, drawn: _Drawn) -> torch.Tensor:
        x = picture.x
        if not drawn.mask.any():
            return x
        reach = step.kernel_size // 2
        places = np.arange(-reach, reach + 1)
        bell = np.exp(-0.5 * (places / drawn.sigma[:, None]) ** 2)
        bell /= bell.sum(axis=1, keepdims=True)
        wide = torch.nn.functional.pad(x, (reach, reach, reach, reach), mode="reflect")
        # The bell is a product, so that a row and a column do what a square would.
        return chosen(drawn.mask, _along(_along(wide, bell, 3), bell, 2), x)


def _along(x: torch.Tensor, bell: Numbers, dim: int) -> torch.Tensor:
    length = x.shape[dim] - bell.shape[1] + 1
    parts = [
        x.narrow(dim, place, length) * column(bell[:, place], x) for place in range(bell.shape[1])
    ]
    return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]


KERNEL = _GaussianBlur()
