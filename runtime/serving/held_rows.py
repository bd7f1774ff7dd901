"""Rows that a request brings, as the table that the readers of columns work on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from dlc.runtime.data.tables import Table


class HeldRows(Table):
    """A table in memory. Messages call it `request`; no column of it names a file."""

    format: ClassVar[str] = "request"

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        super().__init__(Path("request"))

    def _names(self) -> tuple[str, ...]:
        return tuple(self.rows.column_names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        yield self.rows.select(columns)
