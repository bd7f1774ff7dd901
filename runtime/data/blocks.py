"""The order of samples that lie in blocks, of which only some are in memory at a time.

Blocks are what a file gives at once, such as the row groups of Parquet. An order shuffles
the blocks, puts some of them into a window, and shuffles the rows of the window: rows of
different blocks meet in a batch, and no block is needed twice. Data that is held in memory
whole is put in the same order, so that both ways of holding it give the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.seeding import keys, permutation, sorting, stream

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.integer[Any]]

# A window is filled until it has both; large blocks stop it before the memory is full.
_WINDOW_BYTES = 256 << 20
_WINDOW_BLOCKS = 4
_MOST_BYTES = 1 << 30
# Samples that are mixed with those before them want the last ones before the first.
_MOST_REPEATED = 8


@dataclass(frozen=True)
class Blocks:
    """`starts` are the places of each block's first sample, and the number of all samples at
    the end; `row_bytes` is what a sample takes in memory when it is ready for the network."""

    starts: Rows
    row_bytes: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, rows: Rows) -> Numbers:
        """The block of each row."""
        return self._numbers[rows]

    @cached_property
    def _numbers(self) -> Numbers:
        """The block of every row: looking it up is faster than a search for each."""
        # Short numbers are sorted by their digits, in a tenth of the time that others take.
        dtype = np.uint16 if len(self) <= 1 << 16 else np.int64
        return np.repeat(np.arange(len(self), dtype=dtype), np.diff(self.starts))

    def windows(self, blocks: Rows, sizes: Rows) -> Rows:
        """The number of the window that each block goes to, for blocks in the order in which
        they are wanted and the rows wanted of each."""
        found = np.empty(len(blocks), np.int64)
        window = held = size = 0
        for place, rows in enumerate(sizes.tolist()):
            full = held >= _WINDOW_BLOCKS and size >= _WINDOW_BYTES
            if held and (full or size + rows * self.row_bytes > _MOST_BYTES):
                window, held, size = window + 1, 0, 0
            found[place] = window
            held, size = held + 1, size + rows * self.row_bytes
        return found


def shuffled(rows: Rows, blocks: Blocks | None, seed: int, epoch: int) -> Rows:
    """The rows, of which some may come several times, in the order of an epoch: a function of
    the arguments alone. Rows that fit one window, and those of no blocks, are shuffled as one.
    """
    if blocks is None or len(rows) == 0 or len(rows) * blocks.row_bytes <= _WINDOW_BYTES:
        return rows[permutation(len(rows), seed, "order", epoch)]
    block_of = blocks.of(rows)
    counts = np.bincount(block_of, minlength=len(blocks))
    present = np.flatnonzero(counts)
    sizes = counts[present]
    drawn = permutation(len(present), seed, "blocks", epoch)
    window_of = np.zeros(len(blocks), block_of.dtype)
    window_of[present[drawn]] = blocks.windows(present[drawn], sizes[drawn])
    draw = keys(stream(seed, "order", epoch), len(rows))
    window = window_of[block_of]
    by_window = np.argsort(window, kind="stable")
    ends = np.cumsum(np.bincount(window)).tolist()
    # Sorted by the draw alone where all is one window, as a permutation is.
    members = (by_window[start:end] for start, end in pairwise([0, *ends]))
    return np.concatenate([rows[places[sorting(draw[places])]] for places in members])


def _repeats(order: Rows, count: int) -> bool:
    return 2 * count <= len(order) and bool((order[:count] == order[-count:]).all())


def stretches(order: Rows, blocks: Blocks) -> list[tuple[int, int]]:
    """Where an order can be cut: stretches from a first to a last (excluded) place, of which
    no two need the same block, as few as the bound of a window allows. The first places may
    repeat the last ones."""
    if len(order) == 0:
        return []
    head = next((n for n in range(_MOST_REPEATED, 0, -1) if _repeats(order, n)), 0)
    if head:
        rest = stretches(order[head:], blocks)
        return [(0, head), *((start + head, stop + head) for start, stop in rest)]
    block_of = blocks.of(order)
    places = np.arange(len(order))
    first, last = np.full(len(blocks), -1), np.empty(len(blocks), np.int64)
    last[block_of] = places
    first[block_of[::-1]] = places[::-1]
    # Blocks by their first places: a cut lies where all before end before all after begin.
    present = np.flatnonzero(first >= 0)
    present = present[np.argsort(first[present])]
    ends = np.maximum.accumulate(last[present]) + 1
    cuts = ends[ends == np.append(first[present][1:], len(order))]
    most = max(1, _WINDOW_BYTES // max(blocks.row_bytes, 1))
    found: list[tuple[int, int]] = []
    start = 0
    for cut, following in zip(cuts.tolist(), [*cuts[1:].tolist(), 0], strict=True):
        if following == 0 or following - start > most:
            found.append((start, cut))
            start = cut
    return found
