"""Pieces that are hidden, anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from dlc.compiler.components.objectives.masked_language_model import MASK, MaskedLanguageModel
from dlc.runtime.failures import failure
from dlc.runtime.objectives import _words as random
from dlc.runtime.objectives.base import Array, Batch, Columns, Rows, Take, moment
from dlc.runtime.seeding import stream

# Of the chosen pieces 80 % are masked and 10 % replaced.
_MASKED, _REPLACED = 0.8, 0.9


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

    def count(self, rows: Rows, seed: int) -> int:
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
        device: torch.device,
    ) -> Take:
        take = base(rows)
        key = moment(seed, "masking", epoch)
        special = torch.from_numpy(self.special).to(device)
        ordinary = torch.from_numpy(np.flatnonzero(~self.special)).to(device)

        def masked(start: int, stop: int) -> Batch:
            inputs, targets = take(start, stop)
            places = torch.from_numpy(rows[start:stop].copy()).to(device, non_blocking=True)
            tokens = inputs[self.input]
            hidden, label = self.hide(tokens, places, key, special, ordinary)
            return {**inputs, self.input: hidden}, {**targets, self.label: label}

        return masked

    def hide(
        self,
        tokens: torch.Tensor,
        places: torch.Tensor,
        key: int,
        special: torch.Tensor,
        ordinary: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens `[N, T]` with some hidden, and their targets; `places` say which sample of
        the data set each row is."""
        length = torch.arange(tokens.shape[1], device=tokens.device)
        # 2^32 places of a text lie between two samples.
        counters = (places.unsqueeze(1) << 32) + length
        word = random.words(key, counters)
        free = ~special[tokens]
        total = free.sum(dim=1)
        wanted = (total * self.fraction).round_().to(torch.int64).clamp_(min=1)
        # Those with the least numbers are chosen: so many, each as likely as the others.
        number = random.shifted(word, 1).masked_fill_(~free, torch.iinfo(torch.int64).max)
        rank = number.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
        chosen = free & (rank < wanted.unsqueeze(1))
        other = random.words(stream(key, "fate"), counters)
        fate = random.unit(other)
        drawn = ordinary[random.below(other, max(len(ordinary), 1))] if len(ordinary) else tokens
        hidden = torch.where(chosen & (fate < _REPLACED), drawn, tokens)
        hidden = torch.where(chosen & (fate < _MASKED), self.mask, hidden)
        return hidden, torch.where(chosen, tokens, self.ignored)
