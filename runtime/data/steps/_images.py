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
        images = _along(images, 3, *_taps(images.shape[3], width))
    if images.shape[2] != height:
        images = _along(images, 2, *_taps(images.shape[2], height))
    return images


def _along(images: Array, axis: int, places: Array, weights: Array) -> Array:
    """Every new pixel is a sum of few old ones: far less work than a product of matrices, and
    nothing that threads of other libraries could wait for."""
    shape = (-1, 1) if axis == 2 else (-1,)
    found: Array = images.take(places[0], axis) * weights[0].reshape(shape)
    for place, weight in zip(places[1:], weights[1:], strict=True):
        found += images.take(place, axis) * weight.reshape(shape)
    return found


@lru_cache(maxsize=256)
def _taps(old: int, new: int) -> tuple[Array, Array]:
    """The old pixels that each new one is made of and what each gives, both [pixels, new]."""
    weights = _weights(old, new)
    used = weights != 0
    count = int(used.sum(axis=1).max())
    first = np.minimum(used.argmax(axis=1), old - count)
    places = first + np.arange(count)[:, None]
    found = np.take_along_axis(weights, places.T, axis=1).T.copy()
    for array in (places, found):
        array.flags.writeable = False
    return places, found


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
