"""Tokens that are the targets of those before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlc.compiler.components.objectives.next_token import NextToken
from dlc.runtime.data import spill
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.splits import PARTS, Division
from dlc.runtime.objectives.base import Columns, Rows


def prepare(objective: NextToken, columns: Columns) -> Columns:
    """Texts with their targets, or blocks of them. Raises `Failure` E0606."""
    label, input = objective.label, objective.input
    assert label is not None
    assert input is not None
    columns.refuse_pieces(input, label)
    ignored = columns.frame.ignored(label)
    if objective.block_length is not None:
        return _in_blocks(columns, input, label, objective.block_length, ignored)
    tokens = columns.arrays[input]
    if isinstance(tokens, Ragged):
        return columns.with_ragged(
            {input: tokens, label: shifted(tokens, ignored)}, input, {label: ignored}
        )
    target = np.full_like(tokens, ignored)
    target[:, :-1] = tokens[:, 1:]
    return replace(columns, arrays={**columns.arrays, label: target})


def shifted(tokens: Ragged, ignored: int) -> Ragged:
    """The token after each; the last of a row has none."""
    values = spill.empty(tokens.values.shape, tokens.values.dtype, tokens.values)
    values[:-1] = tokens.values[1:]
    last = tokens.offsets[1:] - 1
    values[last[tokens.lengths > 0]] = ignored
    return Ragged(values, tokens.offsets)


def _in_blocks(columns: Columns, input: str, label: str, length: int, ignored: int) -> Columns:
    tokens = columns.ragged(input)
    inputs, targets, rows = [], [], []
    ends = [0]
    for part in PARTS:
        places = columns.division.part(part)
        stream = tokens.take(places)
        # The token after the last block is the target of its last one.
        count = max(len(stream.values) - 1, 0) // length
        inputs.append(stream.values[: count * length])
        targets.append(stream.values[1 : count * length + 1])
        last = np.arange(1, count + 1) * length
        rows.append(places[np.searchsorted(stream.offsets, last, side="right") - 1])
        ends.append(ends[-1] + count)
    division = Division(
        **{part: np.arange(ends[i], ends[i + 1], dtype=np.int64) for i, part in enumerate(PARTS)}
    )
    columns.refuse_empty_parts(
        division, f"block of {length:,} tokens", "give more text, or shorter blocks"
    )
    offsets = np.arange(ends[-1] + 1, dtype=np.int64) * length
    made = {
        input: Ragged(spill.joined(inputs), offsets),
        label: Ragged(spill.joined(targets), offsets),
    }
    numbers: Rows = columns.rows[np.concatenate(rows)]
    # What is told of whole texts, such as their segments, tells nothing of blocks.
    padding = {name: found for name, found in columns.padding.items() if name == input}
    blocks = replace(columns, arrays={}, rows=numbers, division=division, padding=padding)
    return blocks.with_ragged(made, input, {label: ignored})
