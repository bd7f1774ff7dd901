"""Several tables that are read as one, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from dlc.compiler.diagnostics.suggest import listed
from dlc.runtime.data.formats.base import Origin, Skipped, Stored, Table, bad_file
from dlc.runtime.failures import shown


class JoinedTable(Table):
    """Tables with the same columns, one after another. `path` is what the spec calls them;
    `counts` are the rows of each after a reading, those left out included."""

    format = "joined"

    def __init__(self, path: Path, tables: Sequence[Table]) -> None:
        self._tables = tuple(tables)
        self.counts: list[int] = []
        self._starts = [0]
        self._blocks: list[tuple[Table, int]] = []
        super().__init__(path)

    @property
    def tables(self) -> tuple[Table, ...]:
        return self._tables

    @property
    def origin(self) -> Origin:
        return Origin(self.path, tuple(table.origin for table in self._tables), self._starts)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(file for table in self._tables for file in table.files))

    @property
    def folder(self) -> Path:
        return self._tables[0].folder

    def sha256(self) -> str:
        import hashlib

        digests = [table.sha256() for table in self._tables]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def _names(self) -> tuple[str, ...]:
        first, *others = self._tables
        for table in others:
            missing = [name for name in first.names if name not in table.names]
            extra = [name for name in table.names if name not in first.names]
            if missing or extra:
                lacks = f"lacks the column `{missing[0]}`" if missing else f"has `{extra[0]}` too"
                raise bad_file(
                    table.path,
                    f"it {lacks}: its columns are not those of `{shown(first.path)}`",
                    help=f"all files need the columns {listed(first.names)}",
                )
        return first.names

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        self.counts = []
        self._starts[:] = [0]
        for table in self._tables:
            start, count = self._starts[-1], 0
            table.skip = self.skip
            before = list(self.skipped)
            for part in table.chunks(columns, rows):
                count += part.num_rows
                self.skipped = before + _moved(table.skipped, start)
                yield part
            self.skipped = before + _moved(table.skipped, start)
            self.counts.append(count + len(table.skipped))
            self._starts.append(start + self.counts[-1])

    def stored(self) -> Stored | None:
        """The blocks of all tables, where all have some and their columns are of one type."""
        parts: list[Stored] = []
        for table in self._tables:
            part = table.stored()
            if part is None or (parts and part.schema != parts[0].schema):
                return None
            parts.append(part)
        self.counts = [sum(part.rows) for part in parts]
        self._starts[:] = [0, *accumulate(self.counts)]
        self._blocks = [
            (table, index)
            for table, part in zip(self._tables, parts, strict=True)
            for index in range(len(part.rows))
        ]
        return Stored(tuple(rows for part in parts for rows in part.rows), parts[0].schema)

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        table, own = self._blocks[index]
        return table.block(own, columns)


def _moved(skipped: Sequence[Skipped], start: int) -> list[Skipped]:
    return [replace(row, row=row.row + start) for row in skipped]
