"""Tables whose rows name pictures: a table is small, and its pictures are not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from dlc.runtime.data.formats.base import Place, Stored, Table
from dlc.runtime.data.formats.image_folder import pictures_in_block
from dlc.runtime.data.formats.joined import JoinedTable
from dlc.runtime.failures import Failure

# So many files tell how large the pictures are.
_WEIGHED = 1_000


def listed_pictures(table: Table, column: str, columns: Sequence[str]) -> Table:
    """The same rows in blocks of a few pictures, where `column` holds paths; `columns` are all
    that is read. A table whose pictures are in it is given back as it is."""
    if isinstance(table, JoinedTable):
        parts = [listed_pictures(part, column, columns) for part in table.tables]
        found: Table = JoinedTable(table.path, parts)
    else:
        if not _holds_paths(table, column):
            return table
        found = ListedPictures(table, column, columns)
    found.skip = table.skip
    return found


class ListedPictures(Table):
    """The rows of another table. What is read of them is held in memory, so that a block is
    some of them, whatever the format; a path takes a thousandth of its picture."""

    format = "listed_pictures"

    def __init__(self, table: Table, column: str, columns: Sequence[str]) -> None:
        self._table = table
        self._column = column
        self._columns = list(dict.fromkeys(columns))
        self._content: pa.Table | None = None
        self._in_block = 1
        super().__init__(table.path)

    @property
    def origin(self) -> Place:
        return self._table.origin

    @property
    def files(self) -> tuple[Path, ...]:
        return self._table.files

    @property
    def folder(self) -> Path:
        return self._table.folder

    def sha256(self) -> str:
        return self._table.sha256()

    def _names(self) -> tuple[str, ...]:
        return self._table.names

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        self._table.skip = self.skip
        for part in self._table.chunks(columns, rows):
            self.skipped = self._table.skipped
            yield part
        self.skipped = self._table.skipped

    def read(self, columns: Sequence[str], numbers: Collection[str] = ()) -> pa.Table:
        self._table.skip = self.skip
        content = self._table.read(columns, numbers)
        self.skipped = self._table.skipped
        return content

    def stored(self) -> Stored | None:
        """None where a row cannot be read and is left out, or the column holds no paths."""
        if self._content is None:
            content = self.read(self._columns)
            if self.skipped or not _is_text(content.schema.field(self._column).type):
                return None
            self._content = content.combine_chunks()
            self._in_block = pictures_in_block(*self._weight(self._content.column(self._column)))
        count = self._content.num_rows
        rows = [min(self._in_block, count - at) for at in range(0, count, self._in_block)]
        return Stored(tuple(rows), self._content.schema)

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        assert self._content is not None
        return self._content.select(columns).slice(index * self._in_block, self._in_block)

    def _weight(self, paths: pa.ChunkedArray) -> tuple[int, int]:
        """The bytes of some pictures that are there, evenly spaced, and how many these are."""
        count = len(paths)
        places = np.unique(np.linspace(0, max(count - 1, 0), min(count, _WEIGHED)).astype(np.int64))
        sizes = []
        for path in paths.take(pa.array(places)).to_pylist():
            try:
                sizes.append((self.folder / path).stat().st_size if path else 0)
            except (OSError, ValueError):
                # What is wrong with it is told, with its row, when it is read.
                continue
        return sum(sizes), len(sizes)


def _holds_paths(table: Table, column: str) -> bool:
    """By its first row: what is wrong with it is told when all are read."""
    try:
        first = next(table.chunks([column], 1), None)
    except Failure:
        return False
    return first is not None and _is_text(first.schema.field(column).type)


def _is_text(type: pa.DataType) -> bool:
    kind = type.value_type if pa.types.is_dictionary(type) else type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
