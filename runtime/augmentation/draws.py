"""Random numbers of samples: a function of the seed, the epoch, the place in the list of
augmentations and the sample's index, and of nothing else.

There is no generator with a state. A batch of other samples, in another order, on another
process, in a run that was resumed, gives every sample the numbers it would have had.
Numbers that decide what is done to a sample are made on the host, where they steer the
work without waiting for the device; numbers for every pixel are made on the device.

Source: the mixing function is splitmix64, see `dlc.runtime.seeding`.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.seeding import stream

Numbers: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
# After so many rejections a Gamma number is still missing once in 1e16 times.
_ATTEMPTS = 16
# The largest float32 below 1, in 24 bits.
_STEPS = 1 << 24


class Draws:
    """The random numbers of one augmentation for the samples of a batch. Every call of a
    method gives fresh numbers, in the same order whatever the batch holds."""

    def __init__(self, seed: int, epoch: int, place: int, indices: Indices) -> None:
        start = np.uint64(stream(seed, "augment", epoch, place))
        self.count = len(indices)
        self._keys = _mixed((indices.astype(np.uint64) + np.uint64(1)) * _GAMMA + start)
        self._taken = 0

    def _words(self, count: int) -> npt.NDArray[np.uint64]:
        """`count` words of 64 bits for each sample, [samples, count]."""
        first = self._taken + 1
        self._taken += count
        counters = np.arange(first, first + count, dtype=np.uint64) * _GAMMA
        return _mixed(self._keys[:, None] + counters)

    def unit(self, count: int) -> Numbers:
        """Numbers from 0 to below 1, [samples, count]."""
        return (self._words(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def uniform(self, low: float, high: float) -> Numbers:
        """A number between `low` and `high` for each sample."""
        return low + (high - low) * self.unit(1)[:, 0]

    def below(self, limit: int | npt.NDArray[Any], count: int = 1) -> Indices:
        """Whole numbers from 0 to `limit` - 1, [samples, count]; `limit` may differ."""
        return np.floor(self.unit(count) * limit).astype(np.int64)

    def chance(self, p: float) -> npt.NDArray[np.bool_]:
        """True for each sample with probability `p`."""
        found: npt.NDArray[np.bool_] = self.unit(1)[:, 0] < p
        return found

    def permutations(self, length: int) -> Indices:
        """An order of 0 to `length` - 1 for each sample, [samples, length]."""
        return np.argsort(self._words(length), axis=1, kind="stable").astype(np.int64)

    def beta(self, alpha: float) -> Numbers:
        """A number of Beta(alpha, alpha) for each sample."""
        one, other = self._log_gamma_variate(alpha), self._log_gamma_variate(alpha)
        return np.exp(one - np.logaddexp(one, other))

    def _log_gamma_variate(self, shape: float) -> Numbers:
        """The logarithm of a number of Gamma(shape), which itself may be too small to hold.

        Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000),
        for shape + 1; a power of an even number takes it to `shape`.
        """
        d = shape + 1.0 - 1.0 / 3.0
        normal = self.normal(_ATTEMPTS)
        even = 1.0 - self.unit(_ATTEMPTS)
        v = (1.0 + normal / math.sqrt(9.0 * d)) ** 3
        positive = np.where(v > 0, v, 1.0)
        accepted = (v > 0) & (np.log(even) < 0.5 * normal**2 + d - d * v + d * np.log(positive))
        # The first that is accepted; the last where none is.
        first = np.where(accepted.any(axis=1), accepted.argmax(axis=1), _ATTEMPTS - 1)
        chosen = positive[np.arange(self.count), first]
        power: Numbers = np.log(1.0 - self.unit(1)[:, 0]) / shape
        return np.log(d * chosen) + power

    def normal(self, count: int) -> Numbers:
        """Standard normal numbers, [samples, count]."""
        radius = np.sqrt(-2.0 * np.log(1.0 - self.unit(count)))
        return radius * np.cos(2.0 * math.pi * self.unit(count))

    # ── on the device ────────────────────────────────────────────────────────

    def unit_on(self, device: torch.device, count: int) -> torch.Tensor:
        """Numbers from 0 to below 1 in float32, [samples, count], made on the device."""
        keys = torch.from_numpy(self._keys.view(np.int64)).to(device)
        first = self._taken + 1
        self._taken += count
        # int64 wraps round as uint64 does; only shifts to the right differ.
        counters = torch.arange(first, first + count, dtype=torch.int64, device=device)
        words = _mixed_on(keys[:, None] + counters * _signed(_GAMMA))
        return (_shifted(words, 40)).to(torch.float32).mul_(1.0 / _STEPS)

    def normal_on(self, device: torch.device, count: int) -> torch.Tensor:
        """Standard normal numbers in float32, [samples, count], made on the device."""
        pairs = -(-count // 2)
        even = self.unit_on(device, 2 * pairs).view(-1, pairs, 2)
        radius = even[..., 0].neg().add_(1.0).log_().mul_(-2.0).sqrt_()
        angle = even[..., 1].mul(2.0 * math.pi)
        # In pairs side by side, so that what a place gets does not depend on `count`.
        found = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1)
        return found.view(-1, 2 * pairs)[:, :count]


def _mixed(word: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))


def _signed(word: np.uint64) -> int:
    value = int(word)
    return value - (1 << 64) if value >> 63 else value


def _shifted(word: torch.Tensor, bits: int) -> torch.Tensor:
    """A shift to the right that brings zeros in."""
    return (word >> bits) & ((1 << (64 - bits)) - 1)


def _mixed_on(word: torch.Tensor) -> torch.Tensor:
    word = (word ^ _shifted(word, 30)) * _signed(_FIRST)
    word = (word ^ _shifted(word, 27)) * _signed(_SECOND)
    return word ^ _shifted(word, 31)
