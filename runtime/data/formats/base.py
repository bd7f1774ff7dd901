"""What every format of data gives: rows in order, named columns, and places for messages.

Text tables give every value as text: types are decided by what a spec declares, not
guessed from the first rows, so that a chunk never differs from the whole and `007`
stays what it is. Rows are counted from 1; the header of a CSV file is not counted.
"""

from __future__ import annotations

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.runtime.failures import Failure, failure, io_failure, shown

CHUNK_ROWS = 65_536

Rows: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A row that was left out, counted from 1, and why."""

    row: int
    reason: str
    column: str | None = None


@dataclass(frozen=True)
class Stored:
    """How a file lies in blocks: the rows of each, in order, and the types of the columns."""

    rows: tuple[int, ...]
    schema: pa.Schema


class BadRow(Failure):
    """A failure that one row is to blame for; without that row the others can be read."""

    def __init__(self, cause: Failure, row: int, column: str | None, reason: str) -> None:
        super().__init__(cause.diagnostic, cause.exit_code)
        self.row = row
        self.column = column
        self.reason = reason


@dataclass(frozen=True)
class Origin(os.PathLike[str]):
    """Several files that are read as one. As a path it is what the spec calls them; `at`
    names the file of a row. `starts` are the rows before each of `places`; `single` says
    that each file is one row."""

    path: Path
    places: tuple[Place, ...]
    starts: Sequence[int]
    single: bool = False

    def __fspath__(self) -> str:
        return str(self.path)

    def at(self, row: int) -> tuple[Path, int | None]:
        """The file of a row, and the row's number in it from 1; None where it is all of it."""
        index = max(0, bisect_right(self.starts, row - 1) - 1)
        place, number = self.places[index], row - self.starts[index]
        if isinstance(place, Origin):
            return place.at(number)
        return place, None if self.single else number


Place: TypeAlias = "Path | Origin"


def place_text(place: Place, row: int | None = None, column: str | None = None) -> str:
    """A place as messages begin with it: its file, row and column."""
    file, number = place.at(row) if row and isinstance(place, Origin) else (place, row)
    text = f"`{shown(file)}`" + (f", row {number:,}" if number else "")
    return text + (f", column `{column}`" if column else "")


class Table(ABC):
    """Rows of named columns. `names` are the columns in order; `text` says that numbers come
    as text. With `skip`, rows that cannot be read are left out and listed in `skipped`, else
    the first of them ends the reading. All methods raise `Failure` E0604 for a file that
    cannot be read."""

    format: ClassVar[str]
    text: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skip = False
        self.skipped: list[Skipped] = []
        with self._reading():
            self.names = self._names()

    @property
    def origin(self) -> Place:
        """Where rows are, for messages."""
        return self.path

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the rows are in."""
        return (self.path,)

    @property
    def folder(self) -> Path:
        """Where the paths in a column start from."""
        return self.path.parent

    @abstractmethod
    def _names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]: ...

    def passes(self, rows: int) -> int:
        """How many of the first `rows` rows need not be read to come to those behind them."""
        return 0

    def _chunks_after(self, passed: int, columns: list[str], rows: int) -> Iterator[pa.Table]:
        """The rows behind the first `passed`, a number that `passes` gave."""
        raise NotImplementedError(self.format)

    def chunks(
        self, columns: Sequence[str], rows: int = CHUNK_ROWS, *, passed: int = 0
    ) -> Iterator[pa.Table]:
        """The rows in order, at most `rows` at a time; the columns as asked. The first `passed`
        rows, a number that `passes` gave, are left out."""
        wanted = list(dict.fromkeys(columns))
        for name in wanted:
            if self.names.count(name) > 1:
                raise self.bad(f"two columns are called `{name}`", help="rename one of them")
        self.skipped = []
        with self._reading():
            found = self._chunks_after(passed, wanted, rows) if passed else None
            for part in found or self._chunks(wanted, rows):
                for start in range(0, part.num_rows, rows):
                    yield part.slice(start, rows)

    def numbered(
        self, columns: Sequence[str], rows: int = CHUNK_ROWS, *, after: int = 0
    ) -> Iterator[tuple[Rows, pa.Table]]:
        """The same with the numbers of the rows, from 1: those left out are left out there. Of
        the first `after` rows none is wanted, and some may be missing."""
        done = self.passes(after) if after else 0
        for part in self.chunks(columns, rows, passed=done):
            # A format lists what it skips before it gives the rows that follow.
            missing = np.array([row.row for row in self.skipped], np.int64)
            count = part.num_rows
            while True:
                span = np.arange(done + 1, done + count + 1, dtype=np.int64)
                numbers = span[~np.isin(span, missing)]
                if len(numbers) == part.num_rows:
                    break
                count += part.num_rows - len(numbers)
            done += count
            yield numbers, part

    def read(self, columns: Sequence[str], numbers: Collection[str] = ()) -> pa.Table:
        """All rows at once. A table of texts may give those of `numbers` as numbers already,
        where all of them are."""
        parts = list(self.chunks(columns))
        if parts:
            return pa.concat_tables(parts, promote_options="permissive")
        return pa.table({name: pa.nulls(0) for name in columns})

    def stored(self) -> Stored | None:
        """The blocks that can be read by themselves; None where a format is read from its
        start."""
        return None

    def block(self, index: int, columns: Sequence[str]) -> pa.Table:
        """The rows of one block, none left out; the columns as asked."""
        with self._reading():
            return self._block(index, list(dict.fromkeys(columns)))

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        raise NotImplementedError(self.format)

    def sha256(self) -> str:
        """Tells this data from any other: the hash of the file, or of the files' hashes."""
        digests = [_file_sha256(path) for path in self.files]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def bad(self, message: str, *, row: int | None = None, help: str | None = None) -> Failure:
        return bad_file(self.origin, message, row=row, help=help)

    def bad_row(self, message: str, row: int, help: str | None = None) -> None:
        """Lists the row among those left out, or raises where none may be."""
        if not self.skip:
            raise self.bad(message, row=row, help=help)
        self.skipped.append(Skipped(row=row, reason=message))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            raise self._from_arrow(error) from None
        except UnicodeDecodeError:
            # The names of the columns; Arrow finds what is wrong below them.
            raise self.bad("the text is not UTF-8", help="save the file as UTF-8") from None
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


def regular(path: Path) -> Path:
    """The path of a regular file. Raises `Failure` E0604 for anything else: a folder, a
    device and a pipe may never end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise failure("E0604", f"no file `{shown(path)}`") from None
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
    if not stat.S_ISREG(mode):
        raise bad_file(path, "not a regular file")
    return path


def locate(path: str, root: Path) -> Path:
    """The file that a spec names, below `root`. Raises `Failure` E0604 where the path
    leaves it, links followed."""
    base = root.resolve()
    try:
        found = (base / path).resolve()
    except (OSError, ValueError):
        raise failure("E0604", f"`{path[:80]}` is no path") from None
    if not found.is_relative_to(base):
        raise failure(
            "E0604",
            f"`{path}` leaves the folder of the spec",
            help=f"put the file below `{shown(root)}`",
        )
    return found


def bad_file(
    path: Place, message: str, *, row: int | None = None, help: str | None = None
) -> Failure:
    """`Failure` E0604; a `BadRow` where a row is named."""
    found = failure("E0604", f"{place_text(path, row)}: {message}", help=help)
    return BadRow(found, row, None, message) if row else found


def bad_value(path: Place, row: int, column: str, message: str, help: str | None = None) -> BadRow:
    """`Failure` E0606 for a value of a row."""
    found = failure("E0606", f"{place_text(path, row, column)}: {message}", help=help)
    return BadRow(found, row, column, message)


def short(value: Any) -> str:
    """A value as messages show it."""
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
