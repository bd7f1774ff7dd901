"""Pieces that are hidden, anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dlc.compiler.components.objectives.masked_language_model import MASK, MaskedLanguageModel
from dlc.runtime.failures import failure
from dlc.runtime.objectives import _words as random
from dlc.runtime.objectives._arrays import Drawable, Library
from dlc.runtime.objectives.base import Array, Batch, Columns, Rows, Take, moment
from dlc.runtime.seeding import stream

# Of the chosen pieces 80 % are masked and 10 % replaced.
_MASKED, _REPLACED = 0.8, 0.9
# After every number of 63 bits.
_LAST = (1 << 63) - 1


def prepare(objective: MaskedLanguageModel, columns: Columns) -> Columns:
    """Raises `Failure` E0606 for a tokenizer without the piece that hides others."""
    input, label = objective.input, objective.label
    assert input is not None
    assert label is not None
    columns.refuse_pieces(input, label)
    tokenizer = columns.tokenizer(input)
    mask = tokenizer.index(MASK)
    if mask is None:
        raise failure(
            "E0606",
            f"the tokenizer of `{input}` has no piece {MASK}, which hides the others",
            help="give one that has, or let `wordpiece` learn one",
        )
    special = np.zeros(tokenizer.size, np.bool_)
    special[columns.specials(input)] = True
    draws = Masking(
        input=input,
        label=label,
        fraction=objective.fraction,
        ignored=columns.frame.ignored(label),
        mask=mask,
        special=special,
    )
    return replace(columns, draws=draws)


@dataclass(frozen=True, kw_only=True)
class Masking:
    """Hides the pieces of `input` and fills `label`. `mask` is the index of the piece that
    hides, `special` says of each piece whether it is never hidden."""

    input: str
    label: str
    fraction: float
    ignored: int
    mask: int
    special: Array

    def count(self, rows: Rows, seed: int, epoch: int | None) -> int:
        return len(rows)

    def places(
        self, rows: Rows, *, seed: int, epoch: int | None, shuffle: bool, start: int, stop: int
    ) -> Rows:
        return rows[start:stop]

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
        take = base(rows)
        key = moment(seed, "masking", epoch)
        special = library.array(self.special)
        ordinary = library.array(np.flatnonzero(~self.special))

        def masked(start: int, stop: int) -> Batch:
            inputs, targets = take(start, stop)
            places = library.array(rows[start:stop].copy())
            tokens = inputs[self.input]
            hidden, label = self.hide(tokens, places, key, special, ordinary, library)
            return {**inputs, self.input: hidden}, {**targets, self.label: label}

        return masked

    def hide(
        self,
        tokens: Drawable,
        places: Drawable,
        key: int,
        special: Drawable,
        ordinary: Drawable,
        library: Library,
    ) -> tuple[Drawable, Drawable]:
        """The tokens `[N, T]` with some hidden, and their targets; `places` say which sample of
        the data set each row is."""
        where = library.functions.where
        # 2^32 places of a text lie between two samples.
        counters = (places[:, None] << 32) + library.arange(tokens.shape[1])
        word = random.words(key, counters)
        free = ~special[tokens]
        total = free.sum(1)
        wanted = (library.singles(total) * self.fraction).round().clip(min=1)
        # Those with the least numbers are chosen: so many, each as likely as the others.
        number = where(free, random.shifted(word, 1), _LAST)
        rank = library.order(library.order(number))
        chosen = free & (rank < wanted[:, None])
        other = random.words(stream(key, "fate"), counters)
        fate = random.unit(other)
        drawn = ordinary[random.below(other, max(len(ordinary), 1))] if len(ordinary) else tokens
        hidden = where(chosen & (fate < _REPLACED), drawn, tokens)
        hidden = where(chosen & (fate < _MASKED), self.mask, hidden)
        return hidden, where(chosen, tokens, self.ignored)
