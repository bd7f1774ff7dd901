"""Randomness that is a pure function of a seed and of what it is for.

Orders and divisions of samples come from hashes of (seed, purpose, counters, index),
not from a generator with a state: there is nothing to save, any epoch can be had
without those before it, and the result does not depend on the version of a library,
the device, or the number of processes.

Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014),
for the mixing function (splitmix64).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def _mixed(word: int) -> int:
    word &= _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


def stream(seed: int, purpose: str, *counters: int) -> int:
    """A 64-bit number for one use of a seed: `stream(7, "order", epoch)`."""
    state = _mixed(seed + _GAMMA)
    for word in (int.from_bytes(purpose.encode()[:8], "little"), len(counters), *counters):
        state = _mixed(state * 3 + word * _GAMMA + 1)
    return state


def keys(start: int, count: int) -> npt.NDArray[np.uint64]:
    """The first `count` numbers of a stream, each from its index alone."""
    return mixed(start, np.arange(count, dtype=np.int64))


def mixed(start: int, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """The numbers of a stream at any places, counted from 0: `keys` gives the first ones."""
    word = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(_GAMMA) + np.uint64(start)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: npt.NDArray[np.uint64] = word ^ (word >> np.uint64(31))
    return found


def permutation(count: int, seed: int, purpose: str, *counters: int) -> npt.NDArray[np.int64]:
    """The numbers 0 to `count` - 1 in an order that the arguments decide."""
    return sorting(keys(stream(seed, purpose, *counters), count))


def sorting(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The order that sorts numbers of one stream. They differ, as the mixing function is a
    bijection: hence any way of sorting gives the same order, and the fastest is taken."""
    return np.argsort(keys).astype(np.int64, copy=False)
