"""CSV, TSV and their kin: a header line, then a line a row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.runtime.data.formats.base import Table, regular
from dlc.runtime.data.formats.compression import open_expanded
from dlc.runtime.failures import Failure

# A line is not longer than a block; numbers are read faster from what the cache holds.
_BLOCK = 4 << 20
_OF_NUMBERS = 1 << 20
_HEADER = 64 << 10


class DelimitedTable(Table):
    """A table of values with a separator, compressed or not."""

    format = "csv"
    text = True

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self.delimiter = delimiter
        self._numbers: frozenset[str] = frozenset()
        super().__init__(regular(path))

    @contextmanager
    def _open(self, columns: list[str] | None, block: int = _BLOCK) -> Iterator[Any]:
        from pyarrow import csv

        def ragged(row: Any) -> str:
            # An exception here would be printed, not raised: keep it for the caller.
            if self.skip or not self._ragged:
                self._ragged.append((row.number, row.expected_columns, row.actual_columns))
            return "skip"

        self._ragged: list[tuple[int | None, int, int]] = []
        with (
            open_expanded(self.path) as file,
            csv.open_csv(
                file,
                read_options=csv.ReadOptions(use_threads=False, block_size=block),
                parse_options=csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=ragged
                ),
                convert_options=csv.ConvertOptions(
                    column_types={
                        name: pa.float64() if name in self._numbers else pa.string()
                        for name in columns or ()
                    },
                    include_columns=columns,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            ) as reader,
        ):
            yield reader

    def read(self, columns: Sequence[str], numbers: Collection[str] = ()) -> pa.Table:
        if numbers:
            self._numbers = frozenset(numbers)
            try:
                return super().read(columns)
            except Failure:
                # As texts it can be told which value of which row is no number.
                pass
            finally:
                self._numbers = frozenset()
        return super().read(columns)

    def _names(self) -> tuple[str, ...]:
        if self.path.stat().st_size == 0:
            raise self.bad("the file is empty", help="a table starts with a line of column names")
        try:
            with self._open(None, _HEADER) as reader:
                return tuple(reader.schema.names)
        except pa.ArrowInvalid:
            # A line may be longer.
            with self._open(None) as reader:
                return tuple(reader.schema.names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with self._open(columns, _OF_NUMBERS if self._numbers else _BLOCK) as reader:
            for batch in reader:
                self._refuse_ragged()
                yield pa.Table.from_batches([batch])
            self._refuse_ragged()

    def _refuse_ragged(self) -> None:
        for number, expected, actual in self._ragged:
            values = "1 value" if actual == 1 else f"{actual} values"
            message = f"{values} where the header names {expected}"
            help = "quote values that hold the separator or a line break"
            if number is None:
                raise self.bad(message, help=help)
            self.bad_row(message, number - 1, help)
        self._ragged.clear()

    def _from_arrow(self, error: Exception) -> Failure:
        text = str(error)
        row = re.search(r"Row #(\d+)", text)
        if "invalid UTF8" in text:
            return self.bad(
                "the text is not UTF-8",
                row=int(row[1]) - 1 if row else None,
                help="save the file as UTF-8",
            )
        return super()._from_arrow(error)


class TabTable(DelimitedTable):
    """A delimited table with tabs."""

    format = "tsv"

    def __init__(self, path: Path, delimiter: str = "\t") -> None:
        super().__init__(path, delimiter)
