"""Arrow IPC: files (Feather 2) and streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.runtime.data.formats.base import Stored, Table, regular

_FILE = b"ARROW1"
_FEATHER_1 = b"FEA1"


class ArrowTable(Table):
    """An Arrow file or stream, mapped into memory and read a batch at a time."""

    format = "arrow"

    def __init__(self, path: Path) -> None:
        super().__init__(regular(path))

    @contextmanager
    def _batches(self, columns: list[str] | None) -> Iterator[tuple[Any, Iterator[Any]]]:
        """The schema and the batches, which are checked before anything reads in them."""
        with self.path.open("rb") as file:
            start = file.read(len(_FILE))
        if start.startswith(_FEATHER_1):
            raise self.bad(
                "it is of version 1 of Feather, which is no more",
                help="write it again with `pyarrow.feather.write_feather`",
            )
        if not start:
            raise self.bad("the file is empty")
        with pa.memory_map(str(self.path)) as source:
            if start == _FILE:
                reader = pa.ipc.open_file(source)
                found = (reader.get_batch(index) for index in range(reader.num_record_batches))
            else:
                reader = pa.ipc.open_stream(source)
                found = iter(reader)
            yield reader.schema, found

    def _names(self) -> tuple[str, ...]:
        with self._batches(None) as (schema, _):
            return tuple(schema.names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with self._batches(columns) as (_, batches):
            for batch in batches:
                # Offsets of a damaged file may point anywhere.
                batch.validate(full=True)
                yield pa.Table.from_batches([batch]).select(columns)

    def passes(self, rows: int) -> int:
        """Whole batches, where the file has an index of them."""
        stored = self.stored()
        ends = accumulate(stored.rows if stored is not None else ())
        return max((end for end in ends if end <= rows), default=0)

    def _chunks_after(self, passed: int, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with pa.memory_map(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            done = 0
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                done += batch.num_rows
                if done > passed:
                    batch.validate(full=True)
                    yield pa.Table.from_batches([batch]).select(columns)

    def stored(self) -> Stored | None:
        """The batches of a file; those of a stream have no index."""
        with self._reading(), pa.memory_map(str(self.path)) as source:
            if source.read(len(_FILE)) != _FILE:
                return None
            reader = pa.ipc.open_file(source)
            batches = range(reader.num_record_batches)
            rows = tuple(reader.get_batch(index).num_rows for index in batches)
            return Stored(rows, reader.schema)

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        with pa.memory_map(str(self.path)) as source:
            batch = pa.ipc.open_file(source).get_batch(index)
            batch.validate(full=True)
            return pa.Table.from_batches([batch]).select(columns)
