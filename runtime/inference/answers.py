"""Files that answers are written to: chunk by chunk, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from dlc.runtime.failures import failure, io_failure, shown
from dlc.runtime.training.storage import UNFINISHED

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


class AnswerFile:
    """A table that is written in chunks; its suffix says how.

    Used as a context: the file appears under its name when the context is left without
    an exception, and replaces what stood there. Raises `Failure` E0611.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise failure(
                "E0611",
                f"`{shown(path)}`: no answers are written as `{path.suffix or path.name}`",
                help="name the file " + ", ".join(f"`*{suffix}`" for suffix in SUFFIXES),
                exit_code=2,
            )
        self.path = path
        self.rows = 0
        self._temporary = path.with_name(f"{UNFINISHED}{path.name}")
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def __enter__(self) -> AnswerFile:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("wb")
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from None
        return self

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Adds rows; all calls bring the same columns."""
        table = pa.table(dict(columns))
        try:
            self._write(table)
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from None
        self.rows += table.num_rows

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._file is not None
        try:
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                os.replace(self._temporary, self.path)
        except OSError as error:
            raise io_failure("cannot write", self.path, error) from None
        finally:
            self._file.close()
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _write(self, table: pa.Table) -> None:
        assert self._file is not None
        suffix = self.path.suffix.lower()
        if suffix in (".jsonl", ".ndjson"):
            for row in table.to_pylist():
                line = json.dumps(plain(row), ensure_ascii=False, allow_nan=False)
                self._file.write(line.encode() + b"\n")
            return
        if suffix != ".parquet":
            table = flat(table)
        if self._writer is None:
            self._writer = self._open(suffix, table.schema)
        self._writer.write_table(table.cast(self._schema))

    def _open(self, suffix: str, schema: pa.Schema) -> Any:
        self._schema = schema
        if suffix == ".parquet":
            from pyarrow import parquet

            return parquet.ParquetWriter(self._file, schema, write_page_checksum=True)
        from pyarrow import csv

        options = csv.WriteOptions(delimiter="\t" if suffix == ".tsv" else ",")
        return csv.CSVWriter(self._file, schema, write_options=options)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a number that is not finite is null, the rest that JSON
    lacks (dates, bytes) is text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def flat(table: pa.Table) -> pa.Table:
    """Lists as JSON text, which a delimited file can hold."""
    for index, column in enumerate(table.columns):
        if pa.types.is_nested(column.type):
            texts = pa.array([json.dumps(plain(value)) for value in column.to_pylist()])
            table = table.set_column(index, table.column_names[index], texts)
    return table
