"""Samples of a word, or several, and candidates for another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dlc.compiler.components.objectives._tokens import PairObjective
from dlc.runtime.failures import failure
from dlc.runtime.objectives._arrays import Drawable, Library
from dlc.runtime.objectives._neighbours import Block, Corpus, Epoch, Found, epoch_key, keep_shares
from dlc.runtime.objectives._noise import Noise
from dlc.runtime.objectives.base import Array, Batch, Columns, Rows, Take
from dlc.runtime.seeding import stream

_POWER = 0.75
# Samples that are drawn at once.
_CHUNK = 1 << 16


def prepare_pairs(
    objective: PairObjective, columns: Columns, find: Callable[[Block, int], Found]
) -> Columns:
    """Takes the texts out of the arrays: their words come in as samples of an epoch. Raises
    `Failure` E0606 for texts without two words."""
    columns.refuse_pieces(objective.texts, objective.candidates)
    texts = columns.ragged(objective.texts)
    tokenizer = columns.tokenizer(objective.texts)
    counts = texts.take(columns.division.train).counts(tokenizer.size)
    # What pads, what is unknown, what marks a text: no words.
    counts[columns.specials(objective.texts)] = 0
    if np.count_nonzero(counts) < 2:
        raise failure(
            "E0606",
            f"the training part has fewer than two words for `{objective.texts}`",
            help="give more texts, or keep more words: `vocabulary=30000`",
        )
    draws = Pairs(
        objective=objective,
        corpus=Corpus(
            texts=texts, keep=keep_shares(counts, objective.subsample), window=objective.window
        ),
        counts=counts,
        find=find,
    )
    arrays = {name: found for name, found in columns.arrays.items() if name != objective.texts}
    padding = {name: found for name, found in columns.padding.items() if name != objective.texts}
    return replace(columns, arrays=arrays, padding=padding, draws=draws)


@dataclass(frozen=True, kw_only=True)
class _Chunk:
    """Samples where they are wanted, by their first and last (excluded) number."""

    start: int
    stop: int
    given: Drawable
    many: Drawable
    rows: Rows

    @classmethod
    def empty(cls) -> _Chunk:
        nothing = np.empty(0, np.int64)
        return cls(start=0, stop=0, given=nothing, many=nothing, rows=nothing)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Draws the samples of an epoch, and the words that are not the true ones."""

    objective: PairObjective
    corpus: Corpus
    counts: Array
    find: Callable[[Block, int], Found]

    def count(self, rows: Rows, seed: int, epoch: int | None) -> int:
        return self._epoch(rows, seed, epoch, False).count()

    def _epoch(self, rows: Rows, seed: int, epoch: int | None, shuffle: bool) -> Epoch:
        key = epoch_key(seed, epoch)
        return Epoch(self.corpus, rows, key=key, shuffle=shuffle, find=self.find)

    def in_order(
        self,
        rows: Rows,
        *,
        seed: int,
        epoch: int | None,
        shuffle: bool,
        base: Callable[[Rows], Take],
        library: Library,
    ) -> Take:
        objective = self.objective
        found = self._epoch(rows, seed, epoch, shuffle)
        noise = Noise.of(self.counts, _POWER, library)
        key = stream(epoch_key(seed, epoch), "noise")
        count = objective.negatives
        truth = np.zeros((1, 1 + count), np.float32)
        truth[0, 0] = 1.0
        labels = library.array(truth)
        functions = library.functions

        def draw(start: int, stop: int) -> _Chunk:
            samples = found.samples(start, stop)
            true = library.array(samples.true.astype(np.int64))
            given = library.array(samples.given.astype(np.int64))
            others = noise.draw_others(key, start, true, count)
            candidates = functions.concatenate((true[:, None], others), axis=1)
            return _Chunk(start=start, stop=stop, given=given, many=candidates, rows=samples.rows)

        chunk = _Chunk.empty()

        def batch(start: int, stop: int) -> Batch:
            nonlocal chunk
            if start < chunk.start or stop > chunk.stop:
                # A few batches at once: for one alone, starting the work would take longer.
                chunk = draw(start, start + max(_CHUNK // (stop - start), 1) * (stop - start))
            part = slice(start - chunk.start, stop - chunk.start)
            inputs, targets = base(chunk.rows[part])(0, stop - start)
            return (
                {
                    **inputs,
                    objective.texts: chunk.given[part],
                    objective.candidates: chunk.many[part],
                },
                {
                    **targets,
                    objective.target: functions.broadcast_to(labels, (stop - start, 1 + count)),
                },
            )

        return batch

    def places(
        self, rows: Rows, *, seed: int, epoch: int | None, shuffle: bool, start: int, stop: int
    ) -> Rows:
        return self._epoch(rows, seed, epoch, shuffle).samples(start, stop).rows
