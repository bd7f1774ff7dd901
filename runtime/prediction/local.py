"""Answering in this process: table by table, batch by batch, a part every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import pyarrow as pa

from dlc.runtime.data.formats.base import Skipped
from dlc.runtime.failures import Failure
from dlc.runtime.prediction.batches import Batch
from dlc.runtime.prediction.parts import Part, PartFolder
from dlc.runtime.prediction.request import Answered, Job

# What a crash may cost. Heavy models take this long for a few rows.
_SECONDS = 10.0

#: Is told of rows that were answered, and of those left out, with the number of their table.
Tell = Callable[[int, int, Sequence[Skipped]], None]


class Asked(Protocol):
    """Whether to stop."""

    @property
    def requested(self) -> bool: ...


def answer(
    job: Job, folder: PartFolder, stop: Asked, tell: Tell, chunk_rows: int | None = None
) -> bool:
    """Answers for all rows that the folder has no answers for; gives whether that came to its
    end, and not to that of the process. Raises what reading and answering raise; what was
    answered before stays in the folder, in every case."""
    left = job.limit
    for index in range(len(job.tables)):
        if left is not None and left <= 0:
            break
        end = folder.end(index)
        if end is None:
            if not _table(job, folder, index, left, stop, tell, chunk_rows):
                return False
            end = folder.end(index)
        if left is not None:
            left -= end or 0
    return True


def _table(
    job: Job,
    folder: PartFolder,
    index: int,
    last: int | None,
    stop: Asked,
    tell: Tell,
    chunk_rows: int | None,
) -> bool:
    waiting = _Waiting(folder, index, chunk_rows or job.chunk_rows, timed=chunk_rows is None)
    try:
        for batch in job.batches(index, folder.done(index), last):
            answered = job.answered(index, batch)
            waiting.add(batch, answered)
            rows = answered.table.num_rows if answered.table is not None else 0
            tell(index, rows, answered.skipped)
            if stop.requested and not batch.final:
                waiting.keep()
                return False
        waiting.keep()
    except Failure:
        waiting.keep()
        raise
    # The last table's end is the end; before it there is more to do.
    return not stop.requested or index == len(job.tables) - 1


class _Waiting:
    """Answers that are not yet on the drive, of neighbouring rows."""

    def __init__(self, folder: PartFolder, index: int, rows: int, *, timed: bool) -> None:
        self.folder, self.index, self.most, self.timed = folder, index, rows, timed
        self.first = self.last = self.skipped = 0
        self.final = False
        self.tables: list[pa.Table] = []
        self.began = time.monotonic()

    def add(self, batch: Batch, answered: Answered) -> None:
        if self.last and batch.first != self.last + 1:
            self.keep()
        self.first = self.first or batch.first
        self.last, self.final = batch.last, batch.final
        self.skipped += len(answered.skipped)
        if answered.table is not None:
            self.tables.append(answered.table)
        late = self.timed and time.monotonic() - self.began >= _SECONDS
        if self.last - self.first + 1 >= self.most or late:
            self.keep()

    def keep(self) -> None:
        if not self.first:
            return
        table = pa.concat_tables(self.tables, promote_options="permissive") if self.tables else None
        part = Part(
            file=self.index,
            first=self.first,
            last=self.last,
            rows=table.num_rows if table is not None else 0,
            final=self.final,
            skipped=self.skipped,
        )
        self.first = self.last = self.skipped = 0
        self.final = False
        self.tables = []
        self.began = time.monotonic()
        self.folder.add(part, table)
