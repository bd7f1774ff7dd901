"""Random words of 64 bits, each from its counter alone: splitmix64, as in
`dlc.runtime.seeding`, for arrays of numpy and of torch. int64 wraps round as uint64 does;
only shifts to the right differ."""

from __future__ import annotations

from dlc.runtime.objectives._arrays import Drawable


def words(start: int, counters: Drawable) -> Drawable:
    """The word of each counter in the stream that begins at `start`: int64 of all 64 bits."""
    word = counters * _signed(0x9E3779B97F4A7C15)
    word += _signed(start)
    for bits, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word ^= shifted(word, bits)
        word *= _signed(factor)
    word ^= shifted(word, 31)
    return word


def shifted(word: Drawable, bits: int) -> Drawable:
    """A shift to the right that brings zeros in."""
    found = word >> bits
    found &= (1 << (64 - bits)) - 1
    return found


def below(word: Drawable, limit: int) -> Drawable:
    """Whole numbers from 0 to `limit` - 1, of the upper 31 bits; `limit` is below 2^31."""
    found = shifted(word, 33)
    found *= limit
    found >>= 31
    return found


def unit(word: Drawable) -> Drawable:
    """Numbers from 0 to below 1, of the lower 24 bits, which a float32 holds as they are."""
    return (word & 0xFFFFFF) * 2.0**-24


def _signed(word: int) -> int:
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word
