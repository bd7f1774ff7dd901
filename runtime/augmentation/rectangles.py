"""Random rectangles of a given area and form, one for each sample."""

from __future__ import annotations

import math

import numpy as np
import torch

from dlc.runtime.augmentation.draws import Draws, Indices

#: How often a rectangle that does not lie in the picture is drawn again.
ATTEMPTS = 10


def rectangles(
    draws: Draws,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    *,
    inside: bool,
) -> tuple[Indices, Indices]:
    """Heights and widths of rectangles with a share of the area in `scale` and a width over
    height in `ratio`, drawn evenly in its logarithm; 0 by 0 where none was found to lie in
    the picture. `inside` says that a rectangle must leave a row and a column over."""
    height, width = size
    area = height * width * (scale[0] + (scale[1] - scale[0]) * draws.unit(ATTEMPTS))
    low, high = math.log(ratio[0]), math.log(ratio[1])
    form = np.exp(low + (high - low) * draws.unit(ATTEMPTS))
    widths = np.rint(np.sqrt(area * form)).astype(np.int64)
    heights = np.rint(np.sqrt(area / form)).astype(np.int64)
    if inside:
        fits = (widths < width) & (heights < height)
    else:
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.argmax(axis=1)
    rows = np.arange(draws.count)
    found = fits.any(axis=1)
    return np.where(found, heights[rows, first], 0), np.where(found, widths[rows, first], 0)


def covered(found: Indices, x: torch.Tensor) -> torch.Tensor:
    """True within the rectangle (top, left, height, width) of each sample: [N, 1, H, W]."""
    device = x.device
    tops, lefts, heights, widths = torch.from_numpy(found).to(device).view(-1, 4, 1, 1).unbind(1)
    rows = torch.arange(x.shape[2], device=device).view(1, -1, 1)
    columns = torch.arange(x.shape[3], device=device).view(1, 1, -1)
    within = (rows >= tops) & (rows < tops + heights)
    return (within & (columns >= lefts) & (columns < lefts + widths)).unsqueeze(1)
