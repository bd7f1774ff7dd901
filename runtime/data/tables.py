"""Tables of rows and named columns: CSV, TSV, JSON lines, Parquet.

Text tables give every value as text: types are decided by what a spec declares, not
guessed from the first rows, so that a chunk never differs from the whole and `007`
stays what it is. Rows are counted from 1; the header of a CSV file is not counted.
"""

from __future__ import annotations

import json
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from dlc.runtime.failures import Failure, failure, io_failure, shown

CHUNK_ROWS = 65_536
# A line of JSON or a CSV block larger than this is damage, not data.
_BLOCK_BYTES = 64 << 20


class Table(ABC):
    """A file of rows. `names` are its columns in order; `text` says that numbers come as
    text. All methods raise `Failure` E0604 for a file that cannot be read."""

    format: ClassVar[str]
    text: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading():
            self.names = self._names()

    @abstractmethod
    def _names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]: ...

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[pa.Table]:
        """The rows in order, at most `rows` at a time; the columns as asked."""
        wanted = list(dict.fromkeys(columns))
        for name in wanted:
            if self.names.count(name) > 1:
                raise self.bad(f"two columns are called `{name}`", help="rename one of them")
        with self._reading():
            for part in self._chunks(wanted, rows):
                for start in range(0, part.num_rows, rows):
                    yield part.slice(start, rows)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """All rows at once."""
        parts = list(self.chunks(columns))
        if parts:
            return pa.concat_tables(parts, promote_options="permissive")
        return pa.table({name: pa.nulls(0) for name in columns})

    def bad(self, message: str, *, row: int | None = None, help: str | None = None) -> Failure:
        return bad_file(self.path, message, row=row, help=help)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            raise self._from_arrow(error) from None
        except (MemoryError, pa.ArrowMemoryError):
            raise self.bad("reading it takes more memory than there is") from None
        except OSError as error:
            # Arrow raises OSError without errno for a damaged file, too.
            if error.errno is None:
                raise self._from_arrow(error) from None
            raise io_failure("cannot read", self.path, error) from None
        except pa.ArrowException as error:
            raise self._from_arrow(error) from None

    def _from_arrow(self, error: Exception) -> Failure:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        return self.bad(reason[:1].lower() + reason[1:] or "the file is damaged")


class DelimitedTable(Table):
    """CSV and its kin: a header line, then a line a row."""

    format = "csv"
    text = True

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self.delimiter = delimiter
        super().__init__(path)

    def _open(self, columns: list[str] | None) -> Any:
        from pyarrow import csv

        def ragged(row: Any) -> str:
            # An exception here would be printed, not raised: keep it for the caller.
            if not self._ragged:
                self._ragged.append((row.number, row.expected_columns, row.actual_columns))
            return "skip"

        self._ragged: list[tuple[int | None, int, int]] = []
        return csv.open_csv(
            str(self.path),
            read_options=csv.ReadOptions(use_threads=False, block_size=4 << 20),
            parse_options=csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=ragged
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(columns or (), pa.string()),
                include_columns=columns,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )

    def _names(self) -> tuple[str, ...]:
        if self.path.stat().st_size == 0:
            raise self.bad("the file is empty", help="a table starts with a line of column names")
        with self._open(None) as reader:
            return tuple(reader.schema.names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with self._open(columns) as reader:
            for batch in reader:
                self._refuse_ragged()
                yield pa.Table.from_batches([batch])
            self._refuse_ragged()

    def _refuse_ragged(self) -> None:
        if self._ragged:
            number, expected, actual = self._ragged[0]
            values = "1 value" if actual == 1 else f"{actual} values"
            raise self.bad(
                f"{values} where the header names {expected}",
                row=number - 1 if number else None,
                help="quote values that hold the separator or a line break",
            )

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


class JsonLinesTable(Table):
    """An object a line. The keys of the first line are the columns."""

    format = "json_lines"

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        def refuse(word: str) -> Any:
            raise ValueError(f"`{word}` is not a JSON number")

        row = 0
        with self.path.open("rb") as file:
            while line := file.readline(_BLOCK_BYTES + 1):
                if len(line) > _BLOCK_BYTES:
                    raise self.bad("a line of more than 64 MiB", row=row + 1)
                if not line.strip():
                    continue
                row += 1
                try:
                    value = json.loads(line.decode("utf-8"), parse_constant=refuse)
                except UnicodeDecodeError:
                    raise self.bad("the text is not UTF-8", row=row) from None
                except RecursionError:
                    raise self.bad("lists nested too deep", row=row) from None
                except ValueError as error:
                    raise self.bad(f"not JSON: {error}", row=row) from None
                if not isinstance(value, dict):
                    raise self.bad("a line that is no JSON object", row=row)
                yield row, value

    def _names(self) -> tuple[str, ...]:
        for _, value in self._lines():
            return tuple(value)
        raise self.bad("the file is empty", help="each line is one JSON object")

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        held: list[dict[str, Any]] = []
        first = 1
        for row, value in self._lines():
            held.append(value)
            if len(held) == rows:
                yield self._table(columns, held, first)
                held, first = [], row + 1
        if held:
            yield self._table(columns, held, first)

    def _table(self, columns: list[str], values: list[dict[str, Any]], first: int) -> pa.Table:
        arrays = {}
        for name in columns:
            column = [value.get(name) for value in values]
            try:
                arrays[name] = pa.array(column)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                raise self._mixed(name, column, first) from None
        return pa.table(arrays)

    def _mixed(self, name: str, column: list[Any], first: int) -> Failure:
        for index in range(1, len(column)):
            try:
                pa.array(column[: index + 1])
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                return bad_value(
                    self.path,
                    first + index,
                    name,
                    f"{_short(column[index])} is of another kind than the rows above",
                )
        return bad_value(self.path, first, name, f"{_short(column[0])} is out of range")


class ParquetTable(Table):
    """Apache Parquet. Page checksums are verified where the file has them."""

    format = "parquet"

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(str(self.path), page_checksum_verification=True)

    def _names(self) -> tuple[str, ...]:
        with self._open() as file:
            return tuple(file.schema_arrow.names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        with self._open() as file:
            for batch in file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
                yield pa.Table.from_batches([batch]).select(columns)

    def _from_arrow(self, error: Exception) -> Failure:
        if "crc" in str(error).lower() or "checksum" in str(error).lower():
            return self.bad("the file is damaged: a page does not match its checksum")
        return super()._from_arrow(error)


_FORMATS: dict[str, type[Table]] = {
    "csv": DelimitedTable,
    "tsv": TabTable,
    "json_lines": JsonLinesTable,
    "parquet": ParquetTable,
}


def open_table(path: Path, format: str, *, delimiter: str | None = None) -> Table:
    """The table in a file; `format` is the name of a source component. Raises `Failure`:
    E0604 for a file that cannot be read, E0602 for a format that is not read yet."""
    if format not in _FORMATS:
        raise failure(
            "E0602",
            f"`{format}` data is not read yet",
            help="write the rows as " + ", ".join(f"`{name}`" for name in _FORMATS),
        )
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise failure("E0604", f"no file `{shown(path)}`") from None
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
    if not stat.S_ISREG(mode):
        raise bad_file(path, "not a regular file")
    reader = _FORMATS[format]
    if delimiter is not None and issubclass(reader, DelimitedTable):
        return reader(path, delimiter)
    return reader(path)


def locate(path: str, root: Path) -> Path:
    """The file that a spec names, below `root`. Raises `Failure` E0604 where the path
    leaves it, links followed."""
    base = root.resolve()
    found = (base / path).resolve()
    if not found.is_relative_to(base):
        raise failure(
            "E0604",
            f"`{path}` leaves the folder of the spec",
            help=f"put the file below `{shown(root)}`",
        )
    return found


def bad_file(
    path: Path, message: str, *, row: int | None = None, help: str | None = None
) -> Failure:
    place = f"`{shown(path)}`" + (f", row {row:,}" if row else "")
    return failure("E0604", f"{place}: {message}", help=help)


def bad_value(path: Path, row: int, column: str, message: str, help: str | None = None) -> Failure:
    return failure(
        "E0606", f"`{shown(path)}`, row {row:,}, column `{column}`: {message}", help=help
    )


def _short(value: object) -> str:
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"
