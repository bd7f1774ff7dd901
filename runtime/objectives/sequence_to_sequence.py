"""A text as what is to be found, and as what is known before each piece of it."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.objectives.sequence_to_sequence import SequenceToSequence
from dlc.runtime.data import spill
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import failure
from dlc.runtime.objectives.base import Columns


def prepare(objective: SequenceToSequence, columns: Columns) -> Columns:
    """All but the last piece of each text, and all but the first. Raises `Failure` E0606."""
    previous, label = objective.previous, objective.label
    assert label is not None
    columns.refuse_pieces(previous, label)
    tokens = columns.ragged(previous)
    _require_marks(tokens, previous)
    made = {previous: _without(tokens, first=False), label: _without(tokens, first=True)}
    return columns.with_ragged(made, previous, {label: columns.frame.ignored(label)})


def _require_marks(tokens: Ragged, name: str) -> None:
    """Raises unless all texts begin with one piece and end with one, as a tokenizer from a file
    may not have it."""
    full = tokens.lengths >= 2
    begins, ends = (
        tokens.values[tokens.offsets[:-1][full]],
        tokens.values[tokens.offsets[1:][full] - 1],
    )
    for what, marks in (("begin", begins), ("end", ends)):
        if not full.all() or len(np.unique(marks)) > 1:
            raise failure(
                "E0606",
                f"the tokenizer of `{name}` does not let all texts {what} with one piece",
                help="give it a template that puts a piece before and after each text",
            )


def _without(tokens: Ragged, *, first: bool) -> Ragged:
    # Every row has lost one.
    offsets = tokens.offsets - np.arange(len(tokens.offsets))
    values = spill.empty((int(offsets[-1]),), tokens.values.dtype, tokens.values)
    for part in spill.pieces(tokens.offsets):
        begin, end = tokens.offsets[part.start], tokens.offsets[part.stop]
        kept = np.ones(end - begin, np.bool_)
        ends = tokens.offsets[part.start : part.stop + 1] - begin
        kept[ends[:-1] if first else ends[1:] - 1] = False
        values[offsets[part.start] : offsets[part.stop]] = tokens.values[begin:end][kept]
    return Ragged(values, offsets)
