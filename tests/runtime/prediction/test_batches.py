"""A table cut at multiples of a batch: the same rows, however it is stored and resumed."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, feather, parquet

from dlc.runtime.data.formats.base import Skipped, Table
from dlc.runtime.data.tables import open_table
from dlc.runtime.prediction.batches import batches
from dlc.runtime.prediction.ranges import Ranges


class Uneven(Table):
    """Rows 1 to `count` less those that are bad, cut anywhere."""

    format = "uneven"

    def __init__(self, count: int, bad: set[int], seed: int) -> None:
        self.count, self.bad_rows, self.seed = count, bad, seed
        super().__init__(Path("uneven"))
        self.skip = True

    def _names(self):
        return ("x",)

    def _chunks(self, columns, rows):
        draw = random.Random(self.seed)
        at = 0
        while at < self.count:
            stop = min(self.count, at + draw.randint(1, rows))
            found = range(at + 1, stop + 1)
            self.skipped += [
                Skipped(row=row, reason="bad") for row in found if row in self.bad_rows
            ]
            good = [row for row in found if row not in self.bad_rows]
            if good:
                yield pa.table({"x": good})
            at = stop


@settings(deadline=None, max_examples=200)
@given(
    count=st.integers(0, 40),
    size=st.integers(1, 9),
    bad=st.sets(st.integers(1, 40), max_size=6),
    done=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=3),
    last=st.none() | st.integers(1, 45),
    seed=st.integers(0, 5),
)
def test_batches_are_aligned_whole_and_once(count, size, bad, done, last, seed):
    bad = {row for row in bad if row <= count}
    wanted = count if last is None else min(count, last)
    ranges, answered = Ranges(), set()
    for start, length in done:
        first, stop = start * size + 1, (start + length) * size
        if stop < wanted:
            ranges.add(first, stop)
            answered |= set(range(first, stop + 1))
    found = list(batches(Uneven(count, bad, seed), ["x"], size, done=ranges, last=last))
    assert [batch.final for batch in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].last == wanted
    rows, skipped = [], []
    for batch in found:
        assert (batch.first - 1) % size == 0 or batch.final
        assert batch.last % size == 0 or batch.final
        assert (
            batch.numbers.tolist() == batch.rows.column("x").to_pylist()
            if len(batch.numbers)
            else not batch.rows.num_rows
        )
        rows += batch.numbers.tolist()
        skipped += [row.row for row in batch.skipped]
    left = [row for row in range(1, wanted + 1) if row not in answered]
    assert rows == [row for row in left if row not in bad]
    assert skipped == [row for row in left if row in bad]


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.feather", "rows.arrows"])
def test_rows_that_are_done_are_passed_over(tmp_path, name, monkeypatch):
    table = pa.table({"x": list(range(1, 101)), "y": [f"{i}" for i in range(100)]})
    path = tmp_path / name
    if name.endswith("csv"):
        csv.write_csv(table, path)
    elif name.endswith("parquet"):
        parquet.write_table(table, path, row_group_size=10)
    elif name.endswith("feather"):
        feather.write_feather(table, path, compression="uncompressed", chunksize=10)
    else:
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=10)
    done = Ranges()
    done.add(1, 44)
    format = {"csv": "csv", "parquet": "parquet"}.get(path.suffix[1:], "arrow")
    opened = open_table(path, format)
    assert opened.passes(44) == (0 if name in ("rows.csv", "rows.arrows") else 40)
    found = list(batches(opened, ["x"], 4, done=done))
    numbers = np.concatenate([batch.numbers for batch in found])
    values = [int(x) for batch in found for x in batch.rows.column("x").to_pylist()]
    assert numbers.tolist() == values == list(range(45, 101))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), max_size=8))
def test_ranges_are_sets_of_rows(spans):
    ranges, rows = Ranges(), set()
    for first, length in spans:
        ranges.add(first, first + length - 1)
        rows |= set(range(first, first + length))
    assert {row for row in range(1, 40) if row in ranges} == rows
    assert ranges.rows == len(rows)
    assert ranges.prefix == next(n for n in range(40) if n + 1 not in rows)
