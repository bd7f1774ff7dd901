"""Exact quantiles of features, of data that need not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlc.runtime.data.steps._features import columns
from dlc.runtime.data.steps.base import Array, Chunks

# Values up to this size are held and partitioned; beyond, they are counted in passes.
_HELD_BYTES = 1 << 30
_COUNT_BYTES = 64 << 20
_KEY_BITS = 64


def quantiles(chunks: Chunks, dim: int, shares: Sequence[float]) -> tuple[Array, int]:
    """`[shares, features]` in float64, linear between two values as numpy has it, and the rank
    of the values. NaN is left out; a feature of nothing else gives NaN."""
    held, count, rank = _held(chunks, dim)
    wanted = np.zeros((len(shares), len(count)))
    position = np.asarray(shares)[:, None] * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    ranks = np.concatenate([below, above])
    found = _counted(chunks, dim, ranks) if held is None else _partitioned(held, ranks)
    low, high = found[: len(shares)], found[len(shares) :]
    part = position - below
    # As numpy interpolates: from the nearer end, so that both ends are met.
    wanted = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
    return np.where(count > 0, wanted, np.nan), rank


def _held(chunks: Chunks, dim: int) -> tuple[list[Array] | None, Array, int]:
    """The columns of all values where they are few; how many numbers each feature has."""
    held: list[Array] | None = []
    size, rank = 0, 0
    count: Array = np.zeros(1, np.int64)
    for chunk in chunks():
        part = columns(chunk, dim)
        rank = chunk.ndim
        count = count + (~np.isnan(part)).sum(axis=0)
        size += part.nbytes
        if held is not None:
            held.append(part)
        if size > _HELD_BYTES:
            held = None
    return held, count, rank


def _partitioned(held: list[Array], ranks: Array) -> Array:
    found = np.full(ranks.shape, np.nan)
    for feature in range(ranks.shape[1]):
        values = np.concatenate([part[:, feature] for part in held])
        values = values[~np.isnan(values)]
        if len(values):
            wanted = ranks[:, feature]
            found[:, feature] = np.partition(values, np.unique(wanted))[wanted]
    return found


def _counted(chunks: Chunks, dim: int, ranks: Array) -> Array:
    """The values of these ranks by radix selection: each pass counts the next bits of the
    values that begin as a wanted one does."""
    per_count = ranks.size * 8
    bits = min(16, max(4, int(np.log2(max(2, _COUNT_BYTES // per_count)))))
    prefix = np.zeros(ranks.shape, np.uint64)
    left = ranks.copy()
    shift = _KEY_BITS
    while shift > 0:
        taken = min(bits, shift)
        shift -= taken
        counts = _count(chunks, dim, prefix, shift, taken)
        for (feature, start), found in counts.items():
            reached = np.cumsum(found)
            for index in np.flatnonzero(prefix[:, feature] == start):
                digit = int(np.searchsorted(reached, left[index, feature], side="right"))
                digit = min(digit, len(reached) - 1)
                left[index, feature] -= reached[digit - 1] if digit else 0
                prefix[index, feature] = (start << taken) | digit
    return _from_keys(prefix)


def _count(
    chunks: Chunks, dim: int, prefix: Array, shift: int, taken: int
) -> dict[tuple[int, int], Array]:
    """How often each next digit follows each wanted beginning, by feature and beginning."""
    starts = [np.unique(prefix[:, feature]).tolist() for feature in range(prefix.shape[1])]
    counts = {
        (feature, start): np.zeros(1 << taken, np.int64)
        for feature, wanted in enumerate(starts)
        for start in wanted
    }
    whole = shift + taken == _KEY_BITS
    for chunk in chunks():
        part = columns(chunk, dim)
        for feature, wanted in enumerate(starts):
            values = part[:, feature]
            keys = _keys(values[~np.isnan(values)])
            for start in wanted:
                these = keys if whole else keys[keys >> np.uint64(shift + taken) == start]
                digits = (these >> np.uint64(shift)) & np.uint64((1 << taken) - 1)
                counts[feature, start] += np.bincount(digits.astype(np.int64), minlength=1 << taken)
    return counts


def _keys(values: Array) -> Array:
    """Numbers as whole ones in the same order: the bits of a float64, those of a negative
    number turned round."""
    # Adding 0 makes one zero of both.
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    return np.where(bits & sign, ~bits, bits | sign)


def _from_keys(keys: Array) -> Array:
    sign = np.uint64(1 << 63)
    return np.where(keys & sign, keys ^ sign, ~keys).view(np.float64)
