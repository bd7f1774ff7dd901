"""Apache Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.runtime.data.formats.base import Stored, Table, regular
from dlc.runtime.failures import Failure


class ParquetTable(Table):
    """Apache Parquet. Page checksums are verified where the file has them."""

    format = "parquet"

    def __init__(self, path: Path) -> None:
        self._metadata: Any = None
        super().__init__(regular(path))

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(
            str(self.path), metadata=self._metadata, page_checksum_verification=True
        )

    def _names(self) -> tuple[str, ...]:
        with self._open() as file:
            return tuple(file.schema_arrow.names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        return self._chunks_after(0, columns, rows)

    def passes(self, rows: int) -> int:
        """Whole row groups."""
        ends = accumulate(self.stored().rows)
        return max((end for end in ends if end <= rows), default=0)

    def _chunks_after(self, passed: int, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with self._open() as file:
            counts = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            ends = accumulate(counts)
            groups = [index for index, end in enumerate(ends) if end > passed]
            for batch in file.iter_batches(
                batch_size=rows, row_groups=groups, columns=columns, use_threads=False
            ):
                yield pa.Table.from_batches([batch]).select(columns)

    def stored(self) -> Stored:
        """The row groups."""
        with self._reading(), self._open() as file:
            # Wide files have long footers: read once, it serves for every block.
            self._metadata = file.metadata
            groups = range(file.metadata.num_row_groups)
            rows = tuple(file.metadata.row_group(index).num_rows for index in groups)
            return Stored(rows, file.schema_arrow)

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        with self._open() as file:
            return file.read_row_group(index, columns=columns, use_threads=False).select(columns)

    def _from_arrow(self, error: Exception) -> Failure:
        if "crc" in str(error).lower() or "checksum" in str(error).lower():
            return self.bad("the file is damaged: a page does not match its checksum")
        return super()._from_arrow(error)
