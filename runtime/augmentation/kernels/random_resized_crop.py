"""Cuts a window out of every sample and scales it."""

from __future__ import annotations

import numpy as np
import torch

from dlc.compiler.components.augmentations.random_resized_crop import RandomResizedCrop
from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Draws, Indices
from dlc.runtime.augmentation.rectangles import rectangles
from dlc.runtime.augmentation.vision import BILINEAR, functional

# Scaling as matrices does the whole batch at once, and more work: on a processor it is faster
# up to pictures of about 64 x 64.
_MOST_PRODUCTS = 1_000_000


class _RandomResizedCrop:
    def draw(self, step: RandomResizedCrop, draws: Draws, size: tuple[int, ...]) -> Indices:
        """Top, left, height and width of each window, [samples, 4]."""
        height, width = size[-2:]
        heights, widths = rectangles(draws, (height, width), step.scale, step.ratio, inside=False)
        tops = draws.below((height - heights + 1)[:, None])[:, 0]
        lefts = draws.below((width - widths + 1)[:, None])[:, 0]
        found = np.stack((tops, lefts, heights, widths), axis=1)
        found[heights == 0] = _middle(step, height, width)
        return found

    def apply(self, step: RandomResizedCrop, picture: Picture, drawn: Indices) -> torch.Tensor:
        x, windows = picture.x, torch.from_numpy(drawn).to(picture.x.device)
        height, width = step.size
        if picture.classes:
            rows = _nearest(windows[:, 0], windows[:, 2], height)
            columns = _nearest(windows[:, 1], windows[:, 3], width)
            samples = torch.arange(len(x), device=x.device)
            # [N, height, width, C]: the indexed dims come first.
            found = x[samples[:, None, None], :, rows[:, :, None], columns[:, None, :]]
            return found.movedim(-1, 1)
        if x.device.type == "cpu" and _products(x.shape, step.size) > _MOST_PRODUCTS:
            parts = [
                functional.resized_crop(
                    one, *window, size=[height, width], interpolation=BILINEAR, antialias=True
                )
                for one, window in zip(x, drawn.tolist(), strict=True)
            ]
            return torch.stack(parts)
        down = _triangles(windows[:, 0], windows[:, 2], height, x.shape[2]).to(x.dtype)
        across = _triangles(windows[:, 1], windows[:, 3], width, x.shape[3]).to(x.dtype)
        return down.unsqueeze(1) @ x @ across.unsqueeze(1).transpose(2, 3)


def _products(shape: torch.Size, size: tuple[int, int]) -> int:
    """What the matrices of a sample take."""
    _, channels, height, width = shape
    return channels * size[0] * width * (height + size[1])


def _triangles(starts: torch.Tensor, lengths: torch.Tensor, size: int, whole: int) -> torch.Tensor:
    """Antialiased bilinear scaling along one dim as matrices, [N, size, whole]: what each place
    of the result takes of each place of the picture, nothing of those outside of the window."""
    start, length = (each.double()[:, None, None] for each in (starts, lengths))
    scale = length / size
    ends = torch.arange(size, device=starts.device, dtype=torch.float64)[:, None]
    places = torch.arange(whole, device=starts.device, dtype=torch.float64) + 0.5
    distance = (places - start - (ends + 0.5) * scale).abs() / scale.clamp(min=1.0)
    shares = (1.0 - distance).clamp_(min=0.0)
    shares *= (places > start) & (places < start + length)
    return shares / shares.sum(dim=2, keepdim=True)


def _nearest(starts: torch.Tensor, lengths: torch.Tensor, size: int) -> torch.Tensor:
    """The place in the picture that each place of the result takes its class from, [N, size]."""
    # In float32, as torch rounds.
    scale = lengths.float()[:, None] / size
    places = (torch.arange(size, device=starts.device) * scale).floor().long()
    return starts[:, None] + torch.minimum(places, lengths[:, None] - 1)


def _middle(step: RandomResizedCrop, height: int, width: int) -> tuple[int, int, int, int]:
    """The largest window in the middle whose form is allowed."""
    form = min(max(width / height, step.ratio[0]), step.ratio[1])
    tall, wide = min(height, round(width / form)), min(width, round(height * form))
    return (height - tall) // 2, (width - wide) // 2, tall, wide


KERNEL = _RandomResizedCrop()
