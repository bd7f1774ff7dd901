"""Rows that follow each other as windows, and what comes next as targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dlc.compiler.components.objectives.windows import Windows
from dlc.runtime.data import spill
from dlc.runtime.data.dividing import times_of
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.splits import PARTS, Division
from dlc.runtime.failures import failure, shown
from dlc.runtime.objectives.base import Array, Columns, Rows


def prepare(objective: Windows, columns: Columns) -> Columns:
    """The windows of each part; each row of the file stays in its part. Raises `Failure`
    E0606 for rows that are not in the order of time, and for parts too short."""
    _require_order(columns)
    input, target, steps = objective.input, objective.target, objective.length
    assert input is not None
    horizon = objective.horizon if target is not None else 0
    first = [
        starts(columns.rows, columns.division.part(part), steps + horizon, objective.stride)
        for part in PARTS
    ]
    ends = np.cumsum([0, *map(len, first)])
    division = Division(
        **{part: np.arange(ends[i], ends[i + 1], dtype=np.int64) for i, part in enumerate(PARTS)}
    )
    columns.refuse_empty_parts(
        division,
        f"window of {steps + horizon:,} rows, {steps:,} to look at and {horizon:,} to forecast"
        if horizon
        else f"window of {steps:,} rows",
        "give more rows, or shorter windows",
    )
    start = np.concatenate(first)
    last = start + steps - 1

    def moved(columns: Mapping[str, Array | Ragged]) -> dict[str, Array | Ragged]:
        return {
            name: _cut(values, start, steps) if name == input else _taken(values, last)
            for name, values in columns.items()
            if name != target
        }

    arrays = moved(columns.arrays)
    if target is not None:
        after = columns.arrays[target if target in columns.arrays else input]
        assert not isinstance(after, Ragged)
        found = _cut(after, start + steps, horizon)
        sizes = [dim for dim in columns.type(target).shape[1:] if isinstance(dim, int)]
        declared = columns.type(target).rank - 1
        arrays[target] = found.reshape(
            len(start), *(sizes if len(sizes) == declared else found.shape[1 : 1 + declared])
        )
    numbers = columns.rows[last + horizon]
    given = moved(columns.given)
    return replace(columns, arrays=arrays, given=given, rows=numbers, division=division)


def _cut(values: Array | Ragged, start: Rows, length: int) -> Array:
    """`[len(start), length, ...]`: so many rows from each place on."""
    assert not isinstance(values, Ragged)
    found = spill.empty((len(start), length, *values.shape[1:]), values.dtype, values)
    numbers = length * max(int(np.prod(values.shape[1:])), 1)
    for part in spill.pieces(np.arange(len(start) + 1, dtype=np.int64) * numbers):
        found[part] = values[start[part, None] + np.arange(length)]
    return found


def _taken(values: Array | Ragged, places: Rows) -> Array | Ragged:
    return values.take(places) if isinstance(values, Ragged) else _cut(values, places, 1)[:, 0]


def starts(rows: Rows, places: Rows, length: int, stride: int) -> Rows:
    """The place in `rows` where each window of a part begins: `length` rows that follow each
    other in the file and are all of the part. In each stretch of such rows the first window
    begins with its first row."""
    if not len(places):
        return places
    gap = np.diff(rows[places]) != 1
    begins = np.concatenate([[0], np.flatnonzero(gap) + 1])
    counts = np.diff(np.append(begins, len(places)))
    of_stretch = np.maximum((counts - length) // stride + 1, 0)
    before = np.repeat(np.cumsum(of_stretch) - of_stretch, of_stretch)
    within = (np.arange(int(of_stretch.sum())) - before) * stride
    found: Rows = places[np.repeat(begins, of_stretch)] + within
    return found


def _require_order(columns: Columns) -> None:
    time, table = columns.time, columns.table
    if time is None:
        return
    content = table.read([time])
    skipped = np.array([row.row for row in table.skipped], np.int64)
    numbers = np.setdiff1d(np.arange(1, content.num_rows + len(skipped) + 1), skipped)
    kept = content.column(0).take(np.searchsorted(numbers, columns.rows))
    times = times_of(table, kept, time, columns.rows)
    early = np.flatnonzero(times[1:] < times[:-1])
    if len(early):
        row = int(columns.rows[early[0] + 1])
        raise failure(
            "E0606",
            f"row {row:,} of `{shown(table.path)}` is earlier than the row before it, by its "
            f"`{time}`",
            help="windows are cut of rows in the order of the file: sort it by time",
        )
