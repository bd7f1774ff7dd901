"""Arithmetic of images in numpy, equal to PyTorch's and onnxruntime's."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dlc.runtime.data.steps.base import Array


def resized(images: Array, height: int, width: int) -> Array:
    """Images `[N, C, H, W]` in float32 at another size: bilinear, antialiased.

    What shrinks is averaged by a triangle as wide as a new pixel on each side.

    Source: torch.nn.functional.interpolate(mode="bilinear", antialias=True).
    """
    if images.shape[3] != width:
        images = images @ _weights(images.shape[3], width).T
    if images.shape[2] != height:
        images = _weights(images.shape[2], height) @ images
    return images


@lru_cache(maxsize=256)
def _weights(old: int, new: int) -> Array:
    """What each old pixel of a line gives to each new one, [new, old]."""
    scale = old / new
    reach = max(scale, 1.0)
    middle = scale * (np.arange(new) + 0.5)
    first = np.maximum((middle - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((middle + reach + 0.5).astype(np.int64), old)
    places = np.arange(old)
    weights = np.maximum(1.0 - np.abs(places + 0.5 - middle[:, None]) / reach, 0.0)
    weights[(places < first[:, None]) | (places >= last[:, None])] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    found: Array = weights.astype(np.float32)
    found.flags.writeable = False
    return found
