"""How interpolation weighs its neighbours, number by number as PyTorch does."""

from __future__ import annotations

import struct
from math import ceil, floor
from typing import Final

#: Whole factors up to here round the same way in PyTorch and ONNX for sides up to 4096.
LAST_SAFE_FACTOR: Final = 40

#: The cubic's parameter, and the one that PIL and PyTorch take where they smooth.
CUBIC, CUBIC_SMOOTH = -0.75, -0.5


def float32(value: float) -> float:
    """The nearest 32-bit number."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def beside(value: float, steps: int) -> float:
    """The 32-bit number that many steps above a positive one."""
    (bits,) = struct.unpack("I", struct.pack("f", value))
    return float(struct.unpack("f", struct.pack("I", bits + steps))[0])


def nearest(side: int, size: int, factor: float | None, shift: float) -> list[int]:
    """Which number each place of the result takes; `shift` is 0.5 for `nearest-exact`. The
    rounding is that of 32-bit numbers: (20, 12) is not what exact division gives."""
    scale = float32(1.0 / factor) if factor is not None else float32(side / size)
    return [min(floor(float32((i + shift) * scale)), side - 1) for i in range(size)]


def taps(
    mode: str, side: int, size: int, factor: float | None, align_corners: bool, antialias: bool
) -> list[dict[int, float]]:
    """The weights of the numbers that each place of the result is made of, by their place;
    `mode` is `linear` or `cubic`."""
    if align_corners:
        scale = (side - 1) / (size - 1) if size > 1 else 0.0
    else:
        scale = 1.0 / factor if factor is not None else side / size
    found: list[dict[int, float]] = []
    for i in range(size):
        if antialias:
            found.append(_smoothed(mode, side, scale, scale * (i + 0.5)))
            continue
        center = scale * i if align_corners else scale * (i + 0.5) - 0.5
        found.append(_plain(mode, side, max(center, 0.0) if mode == "linear" else center))
    return found


def _plain(mode: str, side: int, center: float) -> dict[int, float]:
    first, reach = floor(center), 1 if mode == "linear" else 2
    weights: dict[int, float] = {}
    for place in range(first - reach + 1, first + reach + 1):
        inside = min(max(place, 0), side - 1)
        weight = _filter(mode, abs(center - place), CUBIC)
        weights[inside] = weights.get(inside, 0.0) + weight
    return weights


def _smoothed(mode: str, side: int, scale: float, center: float) -> dict[int, float]:
    stretch = max(scale, 1.0)
    reach = stretch * (1 if mode == "linear" else 2)
    low, high = max(ceil(center - reach - 0.5), 0), min(floor(center + reach + 0.5), side)
    weights = {
        place: _filter(mode, abs(place + 0.5 - center) / stretch, CUBIC_SMOOTH)
        for place in range(low, high)
    }
    total = sum(weights.values())
    return {place: weight / total for place, weight in weights.items()}


def _filter(mode: str, x: float, a: float) -> float:
    """The weight at a distance of x."""
    if mode == "linear":
        return max(1.0 - x, 0.0)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a if x < 2.0 else 0.0
