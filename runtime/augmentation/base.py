"""What a kernel is: how an augmentation draws for a batch, and what it does to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from dlc.compiler.components.augmentations.base import Augmentation
from dlc.runtime.augmentation.draws import Draws


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A batch of one input, or of a target that moves along with it.

    `x` is [N, C, H, W] in float for images. `white` is the value of white: 255 for pixels
    that were stored as bytes, else 1. `classes` says that values are numbers of classes,
    which must not be mixed.
    """

    x: torch.Tensor
    white: float = 1.0
    classes: bool = False

    def with_(self, x: torch.Tensor) -> Picture:
        return Picture(x=x, white=self.white, classes=self.classes)


class Kernel(Protocol):
    """An augmentation at work. `draw` is called once a batch, on the host; `apply` for the
    input and for every target that moves along, with what was drawn."""

    def draw(self, step: Any, draws: Draws, size: tuple[int, ...]) -> Any:
        """What is done to each sample, from its numbers; `size` is that of one sample."""

    def apply(self, step: Any, picture: Picture, drawn: Any) -> torch.Tensor: ...


class MixingKernel(Protocol):
    """An augmentation that mixes every sample with the one before it.

    `x` has one sample more than `drawn`, the first of them only as a partner.
    """

    def draw(self, step: Any, draws: Draws, size: tuple[int, ...]) -> Any: ...

    def mix(self, step: Any, x: torch.Tensor, drawn: Any) -> torch.Tensor:
        """The input of the samples after the first."""

    def shares(self, drawn: Any) -> npt.NDArray[np.float64]:
        """The share that each sample keeps of its own targets."""


@cache
def kernel(name: str) -> Any:
    """The kernel of an augmentation, found by its name."""
    return import_module(f"dlc.runtime.augmentation.kernels.{name}").KERNEL


def kernel_of(step: Augmentation) -> Any:
    return kernel(step.name)


def column(values: npt.NDArray[Any], like: torch.Tensor) -> torch.Tensor:
    """A number for each sample, shaped to spread over `like` and of its type."""
    shape = (-1,) + (1,) * (like.dim() - 1)
    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device, like.dtype).view(shape)


def chosen(mask: npt.NDArray[np.bool_], changed: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """`changed` for the samples of the mask, `x` for the others."""
    if mask.all():
        return changed
    flags = torch.from_numpy(mask).to(x.device).view((-1,) + (1,) * (x.dim() - 1))
    return torch.where(flags, changed, x)


def windows(x: torch.Tensor, tops: Any, lefts: Any, height: int, width: int) -> torch.Tensor:
    """A window of each picture, by the corner of each, [N, C, height, width]."""
    views = x.unfold(2, height, 1).unfold(3, width, 1)
    device = x.device
    first = torch.arange(len(x), device=device)
    rows = torch.from_numpy(np.ascontiguousarray(tops)).to(device)
    columns = torch.from_numpy(np.ascontiguousarray(lefts)).to(device)
    return views[first, :, rows, columns]
