"""Answers as bytes: parts by themselves, and the file that they are joined to.

The joined file is a function of the answers alone, not of how they were cut into parts:
text is put one after the other, and row groups of Parquet are cut anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from dlc.compiler.diagnostics.suggest import listed
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.answers import SUFFIXES, flat, plain

_GROUP_BYTES = 64 << 20
_MOST_GROUP_ROWS = 65_536
_LENGTH_GUESS = 32


class Format(Protocol):
    """How answers are written. `suffix` is that of the parts."""

    suffix: str

    def encode(self, table: pa.Table) -> bytes:
        """A part."""

    def join(self, parts: Iterable[bytes], schemas: Sequence[pa.Schema], out: IO[bytes]) -> None:
        """All parts as one file; `schemas` are those of the parts, as they come."""


def format_of(path: Path) -> Format:
    """How a file is written, by its suffix. Raises `Failure` E0611 for one that we do not
    write."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return Parquet()
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines()
    if suffix in (".csv", ".tsv"):
        return Delimited("\t" if suffix == ".tsv" else ",")
    raise failure(
        "E0611",
        f"`{shown(path)}`: no answers are written as `{path.suffix or path.name}`",
        help="name the file " + ", ".join(f"`*{suffix}`" for suffix in SUFFIXES),
        exit_code=2,
    )


class Delimited:
    """CSV and TSV, the names in the first line."""

    def __init__(self, delimiter: str) -> None:
        self.suffix = ".tsv" if delimiter == "\t" else ".csv"
        self._delimiter = delimiter

    def encode(self, table: pa.Table) -> bytes:
        return self._text(flat(table), header=False)

    def join(self, parts: Iterable[bytes], schemas: Sequence[pa.Schema], out: IO[bytes]) -> None:
        if schemas:
            empty = pa.schema([(name, pa.string()) for name in schemas[0].names]).empty_table()
            out.write(self._text(empty, header=True))
        for part in parts:
            out.write(part)

    def _text(self, table: pa.Table, *, header: bool) -> bytes:
        from pyarrow import csv

        sink = io.BytesIO()
        options = csv.WriteOptions(include_header=header, delimiter=self._delimiter)
        csv.write_csv(table, sink, options)
        return sink.getvalue()


class JsonLines:
    """An object a line."""

    suffix = ".jsonl"

    def encode(self, table: pa.Table) -> bytes:
        lines = (
            json.dumps(plain(row), ensure_ascii=False, allow_nan=False) for row in table.to_pylist()
        )
        return "".join(f"{line}\n" for line in lines).encode()

    def join(self, parts: Iterable[bytes], schemas: Sequence[pa.Schema], out: IO[bytes]) -> None:
        for part in parts:
            out.write(part)


class Parquet:
    """Parquet with page checksums; parts are Arrow files, which keep the types."""

    suffix = ".arrow"

    def encode(self, table: pa.Table) -> bytes:
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        return sink.getvalue()

    def join(self, parts: Iterable[bytes], schemas: Sequence[pa.Schema], out: IO[bytes]) -> None:
        from pyarrow import parquet

        schema = _common(schemas)
        with parquet.ParquetWriter(out, schema, write_page_checksum=True) as writer:
            for group in _groups(parts, schema):
                writer.write_table(group, row_group_size=max(group.num_rows, 1))


def _groups(parts: Iterable[bytes], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in groups whose size depends on the types alone."""
    size = max(1, min(_MOST_GROUP_ROWS, _GROUP_BYTES // sum(_bytes(type) for type in schema.types)))
    held: list[pa.Table] = []
    count = 0
    for part in parts:
        table = pa.ipc.open_file(pa.BufferReader(part)).read_all()
        held.append(pa.table([_as(table.column(f.name), f.type) for f in schema], schema))
        count += table.num_rows
        while count >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size)
            held, count = [whole.slice(size)], count - size
    if count:
        yield pa.concat_tables(held)


def _bytes(type: pa.DataType) -> int:
    """About what one value takes."""
    if pa.types.is_fixed_size_list(type):
        return int(type.list_size) * _bytes(type.value_type)
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return _LENGTH_GUESS * _bytes(type.value_type)
    try:
        return max(1, int(type.bit_width) // 8)
    except ValueError:
        return _LENGTH_GUESS


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Types that hold what the parts hold; text where they are of several kinds. A column that
    is kept may be whole numbers in one part, and nothing or fractions in the next."""
    fields = []
    for index, name in enumerate(schemas[0].names):
        types = {schema.field(index).type: None for schema in schemas}
        try:
            parts = [pa.schema([(name, type)]) for type in types]
            fields.append(pa.unify_schemas(parts, promote_options="permissive").field(0))
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            if any(pa.types.is_nested(type) for type in types):
                raise failure(
                    "E0604",
                    f"the column `{name}`, which is kept, is of several kinds: "
                    + listed([str(type) for type in types], 3),
                    help=f"leave out `--keep {name}`, or write JSON lines",
                ) from None
            fields.append(pa.field(name, pa.string()))
    return pa.schema(fields)


def _as(column: Any, type: pa.DataType) -> Any:
    return column if column.type == type else column.cast(type)
