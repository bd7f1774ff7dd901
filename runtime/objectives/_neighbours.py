"""Words of texts with their neighbours, drawn anew in every epoch, in bounded memory.

An epoch is worked through in blocks of words. Within a block everything is done for all
words at once; the loop is over the distances of a window. What is drawn for a word hangs on
its place in the corpus alone, so that blocks may be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure, failure
from dlc.runtime.seeding import mixed, permutation, stream

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

#: Words of a block, before frequent ones are left out.
BLOCK = 1 << 17
# Longer texts are cut: no word of the one piece is a neighbour of one of the other.
_LONGEST = 10_000


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The texts of a data set as indices of words. `keep` is the share of the occurrences of
    each word that stay, 0 for pieces that are no words; `window` the widest reach."""

    texts: Ragged
    keep: npt.NDArray[np.float64]
    window: int


@dataclass(frozen=True, kw_only=True)
class Block:
    """The words of some texts that stay, one after the other: the index of each, the row that
    it is in, how far its neighbours may stand, and how many words of its text follow."""

    words: Array
    rows: Rows
    reach: Array
    after: Array


@dataclass(frozen=True, kw_only=True)
class Found:
    """Samples: the places in a block where they are, a column of words or several, and what is
    to be found."""

    given: Array
    true: Array
    rows: Rows

    def __len__(self) -> int:
        return len(self.true)

    def take(self, order: Rows | slice) -> Found:
        return Found(given=self.given[order], true=self.true[order], rows=self.rows[order])


def keep_shares(counts: npt.NDArray[np.int64], subsample: float) -> npt.NDArray[np.float64]:
    """The share of each word's occurrences that stay, as word2vec has it: for the frequency f
    and the threshold t, t / f + sqrt(t / f), and 1 at most."""
    present = counts > 0
    if subsample == 0.0:
        return present.astype(np.float64)
    ratio = subsample * counts.sum() / np.maximum(counts, 1)
    return np.where(present, np.minimum(ratio + np.sqrt(ratio), 1.0), 0.0)


def blocks(corpus: Corpus, rows: Rows, key: int, size: int = BLOCK) -> Iterator[Block]:
    """The rows in that order, `size` words at a time."""
    lengths = corpus.texts.lengths[rows]
    pieces = -(-lengths // _LONGEST)
    of_row = np.repeat(np.arange(len(rows)), pieces)
    nth = np.arange(len(of_row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins = corpus.texts.offsets[:-1][rows][of_row] + nth * _LONGEST
    counts = np.minimum(lengths[of_row] - nth * _LONGEST, _LONGEST)
    first = (np.cumsum(counts) - counts) // size
    cuts = np.searchsorted(first, np.arange(int(first[-1]) + 2 if len(first) else 1))
    for start, stop in pairwise(cuts.tolist()):
        if start < stop:
            part = slice(start, stop)
            yield _block(corpus, rows[of_row[part]], begins[part], counts[part], key)


def _block(corpus: Corpus, rows: Rows, begins: Rows, counts: Rows, key: int) -> Block:
    text = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    place = np.repeat(begins - before, counts) + np.arange(len(text))
    words = corpus.texts.values[place]
    random = mixed(key, place)
    # The upper half of the numbers decides which words stay, the lower how far they reach.
    stays = (random >> np.uint64(32)) < corpus.keep[words] * 2.0**32
    words, text = words[stays], text[stays]
    low = random[stays] & np.uint64(0xFFFFFFFF)
    reach = 1 + ((low * np.uint64(corpus.window)) >> np.uint64(32)).astype(np.int32)
    ends = np.searchsorted(text, text, side="right") if len(text) else text
    return Block(
        words=words,
        rows=rows[text],
        reach=reach,
        after=(ends - np.arange(len(text)) - 1).astype(np.int32),
    )


def pairs(block: Block, window: int) -> Found:
    """Every word with every neighbour in its reach, [pairs] each."""
    given, true = [], []
    for distance in range(1, window + 1):
        left = np.flatnonzero(block.after >= distance)
        right = left + distance
        forth = block.reach[left] >= distance
        back = block.reach[right] >= distance
        given += [left[forth], right[back]]
        true += [right[forth], left[back]]
    center = np.concatenate(given)
    return Found(
        given=block.words[center],
        true=block.words[np.concatenate(true)],
        rows=block.rows[center],
    )


def bags(block: Block, window: int) -> Found:
    """Every word that has a neighbour, [words], with its neighbours, [words, 2 * window]: those
    before it from the nearest, then those after it; 0 where there is none."""
    around = np.zeros((len(block.words), 2 * window), block.words.dtype)
    for distance in range(1, window + 1):
        left = np.flatnonzero(block.after >= distance)
        right = left + distance
        forth = block.reach[left] >= distance
        back = block.reach[right] >= distance
        around[right[back], distance - 1] = block.words[left[back]]
        around[left[forth], window + distance - 1] = block.words[right[forth]]
    full = np.flatnonzero((around != 0).any(axis=1))
    return Found(given=around[full], true=block.words[full], rows=block.rows[full])


class Epoch:
    """The samples of one epoch by their number. They are made block by block, in the order in
    which they are asked for; those past the last one begin again."""

    def __init__(
        self,
        corpus: Corpus,
        rows: Rows,
        *,
        key: int,
        shuffle: bool,
        find: Callable[[Block, int], Found],
    ) -> None:
        self._corpus = corpus
        self._rows = rows
        self._key = key
        self._shuffle = shuffle
        self._find = find
        self._total: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._blocks = blocks(self._corpus, self._rows, self._key)
        self._number = -1
        self._first = 0
        self._held: Found | None = None

    def count(self) -> int:
        """How many samples there are. Raises `Failure` E0606 where there is none."""
        if self._total is None:
            window = self._corpus.window
            found = blocks(self._corpus, self._rows, self._key)
            self._total = sum(len(self._find(block, window)) for block in found)
        if not self._total:
            raise no_samples(len(self._rows))
        return self._total

    def samples(self, start: int, stop: int) -> Found:
        """The samples from `start` to below `stop`. Raises `Failure` E0606 for an epoch without
        any."""
        parts = []
        while start < stop:
            if self._total is not None and start >= self._total:
                start, stop = start % self._total, stop - start + start % self._total
            held = self._block_of(start)
            if held is None:
                continue
            end = min(stop, self._first + len(held))
            parts.append(held.take(slice(start - self._first, end - self._first)))
            start = end
        if len(parts) == 1:
            return parts[0]
        return Found(
            given=np.concatenate([part.given for part in parts]),
            true=np.concatenate([part.true for part in parts]),
            rows=np.concatenate([part.rows for part in parts]),
        )

    def _block_of(self, number: int) -> Found | None:
        """The block of a sample; None where the epoch ended before it."""
        if self._held is not None and number < self._first:
            self._restart()
        while self._held is None or number >= self._first + len(self._held):
            block = next(self._blocks, None)
            if self._held is not None:
                self._first += len(self._held)
            if block is None:
                self._total = self._first
                if not self._total:
                    raise no_samples(len(self._rows))
                self._restart()
                return None
            self._number += 1
            found = self._find(block, self._corpus.window)
            if self._shuffle:
                found = found.take(permutation(len(found), self._key, "pairs", self._number))
            self._held = found
        return self._held


def no_samples(rows: int) -> Failure:
    return failure(
        "E0606",
        f"no text of {rows:,} rows has two words that are neighbours",
        help="give longer texts, keep more words, or leave fewer out: `subsample=0`",
    )


def epoch_key(seed: int, epoch: int | None) -> int:
    """What all draws of an epoch start from; None is validation, which always draws alike."""
    return stream(seed, "words", 0 if epoch is None else epoch + 1)
