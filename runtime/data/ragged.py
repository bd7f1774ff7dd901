"""Rows of different lengths, without padding, and how they meet a network.

Tokens of texts are kept as one flat column of numbers and the place where each row
begins. Only a batch is padded, to its longest row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.runtime.data import spill

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Ragged:
    """Whole numbers in rows: row i is `values[offsets[i]:offsets[i + 1]]`. `offsets` has one
    entry more than there are rows; a row may be empty. `values` may lie in a file."""

    values: Array
    offsets: npt.NDArray[np.int64]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        values = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
        return cls(values, offsets)

    @classmethod
    def joined(cls, parts: Iterable[Ragged]) -> Ragged:
        """The rows of all parts, one part after the other."""
        found = list(parts)
        if len(found) == 1:
            return found[0]
        lengths = [part.lengths for part in found]
        offsets = np.zeros(sum(map(len, lengths)) + 1, np.int64)
        if found:
            np.cumsum(np.concatenate(lengths), out=offsets[1:])
        values = [part.values for part in found] or [np.zeros(0, np.int32)]
        return cls(np.concatenate(values), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.diff(self.offsets)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.offsets.nbytes

    def row(self, index: int) -> Array:
        found: Array = self.values[self.offsets[index] : self.offsets[index + 1]]
        return found

    def take(self, rows: npt.NDArray[Any]) -> Ragged:
        """The given rows, in that order."""
        lengths = self.lengths[rows]
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        first = self.offsets[:-1][rows] - offsets[:-1]
        values = spill.empty((int(offsets[-1]),), self.values.dtype, self.values)
        for part in spill.pieces(offsets):
            begin, end = offsets[part.start], offsets[part.stop]
            places = np.repeat(first[part], lengths[part]) + np.arange(begin, end)
            values[begin:end] = self.values[places]
        return Ragged(values, offsets)

    def counts(self, size: int) -> npt.NDArray[np.int64]:
        """How often each of the numbers from 0 to below `size` comes."""
        found = np.zeros(size, np.int64)
        for part in spill.pieces(self.offsets):
            values = self.values[self.offsets[part.start] : self.offsets[part.stop]]
            found += np.bincount(values, minlength=size)
        return found

    def padded(self, length: int, value: int = 0) -> Array:
        """`int64[rows, length]`; what a row lacks is `value`. No row may be longer."""
        lengths = self.lengths
        places = np.arange(length)
        outside = places >= lengths[:, None]
        # One more element, to which every place outside a row points.
        values = np.append(self.values.astype(np.int64), value)
        index = np.where(outside, len(self.values), self.offsets[:-1, None] + places)
        result: Array = values[index]
        return result


@dataclass(frozen=True, kw_only=True)
class Padding:
    """How a ragged input or target meets a network.

    `dim` names the size that its rows share with others, so that a batch gives all of them
    one length; `least` is the shortest that the network takes. `lengths`, `mask` and
    `segments` are inputs filled on the way: the length of each row, at least 1; true where a
    row is padded; zeros, where the data has no segments of its own. `value` fills up.
    """

    dim: str = ""
    least: int = 1
    value: int = 0
    lengths: str | None = None
    mask: str | None = None
    segments: str | None = None

    @property
    def filled(self) -> tuple[str, ...]:
        return tuple(name for name in (self.lengths, self.mask, self.segments) if name)


def longest(
    lengths: Mapping[str, npt.NDArray[np.int64]], paddings: Mapping[str, Padding]
) -> dict[str, int]:
    """The length that each ragged column of a batch is padded to: that of the longest row of
    all columns that share its dim."""
    found: dict[str, int] = {}
    keys = {name: paddings[name].dim or f"/{name}" for name in lengths}
    for name, of_rows in lengths.items():
        here = max(int(of_rows.max(initial=0)), paddings[name].least, 1)
        found[keys[name]] = max(here, found.get(keys[name], 1))
    return {name: found[key] for name, key in keys.items()}


def fill(columns: Mapping[str, Ragged], paddings: Mapping[str, Padding]) -> dict[str, Array]:
    """The tensors of one batch: every ragged column padded, and what its padding fills."""
    sizes = longest({name: column.lengths for name, column in columns.items()}, paddings)
    feeds: dict[str, Array] = {}
    for name, column in columns.items():
        padding, size = paddings[name], sizes[name]
        feeds[name] = column.padded(size, padding.value)
        if padding.lengths:
            feeds[padding.lengths] = np.maximum(column.lengths, 1)
        if padding.mask:
            feeds[padding.mask] = np.arange(size) >= column.lengths[:, None]
        if padding.segments and padding.segments not in columns:
            feeds[padding.segments] = np.zeros((len(column), size), np.int64)
    return feeds
