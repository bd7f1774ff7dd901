"""A table cut at multiples of a batch, wherever its format cuts it.

Rows of one batch are always the same rows, so that answers do not depend on where an
earlier run came to its end, nor on which process reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dlc.runtime.data.formats.base import Rows, Skipped, Table
from dlc.runtime.prediction.ranges import Ranges


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The rows `first` to `last` of a table: `numbers` are those that could be read, `skipped`
    the others. The `final` one ends the table, or what is wanted of it."""

    first: int
    last: int
    numbers: Rows
    rows: pa.Table
    skipped: tuple[Skipped, ...]
    final: bool = False


def batches(
    table: Table,
    columns: Sequence[str],
    size: int,
    *,
    done: Ranges | None = None,
    last: int | None = None,
) -> Iterator[Batch]:
    """The batches of `size` rows that are not in `done`, up to the row `last`; the final one
    always comes, be it empty. Raises what reading raises."""
    done = done or Ranges()
    after = done.prefix
    reading = _Reading(table, size, after // size)
    if last is None or after < last:
        for found, part in table.numbered(columns, size, after=after):
            wanted = found > after
            if last is not None:
                wanted &= found <= last
            if not wanted.all():
                part = part.take(pa.array(np.flatnonzero(wanted)))
            yield from reading.full(found[wanted], part, done)
            if last is not None and found[-1] >= last:
                break
    end = max([after, reading.seen, *(row.row for row in table.skipped[-1:])])
    yield reading.rest(end if last is None else min(end, last), done)


class _Reading:
    def __init__(self, table: Table, size: int, index: int) -> None:
        self.table = table
        self.size = size
        self.index = index
        self.numbers = np.zeros(0, np.int64)
        self.parts: list[pa.Table] = []
        self.told = 0

    @property
    def seen(self) -> int:
        return int(self.numbers[-1]) if len(self.numbers) else self.index * self.size

    def full(self, numbers: Rows, part: pa.Table, done: Ranges) -> Iterator[Batch]:
        """The batches that `part` completes. One that ends where the rows read so far end
        waits: nothing tells yet whether it is the final one."""
        self.numbers = np.concatenate([self.numbers, numbers])
        self.parts.append(part)
        while len(self.numbers) and self.numbers[-1] > (self.index + 1) * self.size:
            batch = self._cut((self.index + 1) * self.size, final=False)
            if batch.first not in done:
                yield batch

    def rest(self, end: int, done: Ranges) -> Batch:
        """What is left, or nothing where that is done."""
        batch = self._cut(end, final=True)
        if batch.first not in done:
            return batch
        # Rows that cannot be read may follow those that are done.
        left = tuple(row for row in batch.skipped if row.row not in done)
        return replace(
            batch,
            first=min([end + 1, *(row.row for row in left[:1])]),
            numbers=batch.numbers[:0],
            rows=batch.rows[:0],
            skipped=left,
        )

    def _cut(self, last: int, *, final: bool) -> Batch:
        first = self.index * self.size + 1
        count = int(np.searchsorted(self.numbers, last, "right"))
        whole = (
            pa.concat_tables(self.parts, promote_options="permissive")
            if self.parts
            else pa.table({})
        )
        skipped = []
        while self.told < len(self.table.skipped):
            row = self.table.skipped[self.told]
            if row.row > last:
                break
            self.told += 1
            if row.row >= first:
                skipped.append(row)
        batch = Batch(
            first=first,
            last=last,
            numbers=self.numbers[:count],
            rows=whole.slice(0, count),
            skipped=tuple(skipped),
            final=final,
        )
        self.numbers = self.numbers[count:]
        self.parts = [whole.slice(count)]
        self.index += 1
        return batch
