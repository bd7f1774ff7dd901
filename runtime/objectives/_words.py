"""Random words of 64 bits on a device, each from its counter alone: splitmix64, as in
`dlc.runtime.seeding`. int64 wraps round as uint64 does; only shifts to the right differ."""

from __future__ import annotations

import torch


def words(start: int, counters: torch.Tensor) -> torch.Tensor:
    """The word of each counter in the stream that begins at `start`: int64 of all 64 bits."""
    word = counters * _signed(0x9E3779B97F4A7C15) + _signed(start)
    word = (word ^ shifted(word, 30)) * _signed(0xBF58476D1CE4E5B9)
    word = (word ^ shifted(word, 27)) * _signed(0x94D049BB133111EB)
    return word ^ shifted(word, 31)


def shifted(word: torch.Tensor, bits: int) -> torch.Tensor:
    """A shift to the right that brings zeros in."""
    return (word >> bits) & ((1 << (64 - bits)) - 1)


def below(word: torch.Tensor, limit: int) -> torch.Tensor:
    """Whole numbers from 0 to `limit` - 1, of the upper 31 bits; `limit` is below 2^31."""
    return (shifted(word, 33) * limit) >> 31


def unit(word: torch.Tensor) -> torch.Tensor:
    """Numbers from 0 to below 1 in float32, of the lower 24 bits."""
    return (word & 0xFFFFFF).to(torch.float32) * 2.0**-24


def _signed(word: int) -> int:
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word
