"""Where the lines of a text lie, so that some can be read by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlc.runtime.data.formats.base import Rows, bad_file
from dlc.runtime.failures import Failure

MOST_BYTES = 64 << 20
#: Lines between two marks.
STEP = 256
_READ = 1 << 22
_NEW_LINE = 10


@dataclass(frozen=True)
class LineMarks:
    """A text whose lines lie between marks. `starts` are the bytes before each `STEP` lines, and
    all of the file; `lines` counts them, a last one without its end included."""

    path: Path
    starts: tuple[int, ...]
    lines: int

    @classmethod
    def of(cls, path: Path) -> LineMarks:
        """Reads the whole file once. Raises OSError, and `Failure` E0604 for a line that is too
        long."""
        starts, lines, done, last = [0], 0, 0, 0
        with path.open("rb") as file:
            while content := file.read(_READ):
                ends = np.flatnonzero(np.frombuffer(content, np.uint8) == _NEW_LINE) + done + 1
                _refuse_long(path, lines, last, ends, done + len(content))
                first = -lines % STEP or STEP
                starts += ends[first - 1 :: STEP].tolist()
                lines += len(ends)
                last = int(ends[-1]) if len(ends) else last
                done += len(content)
        if starts[-1] != done:
            starts.append(done)
        return cls(path, tuple(starts), lines + (last < done))

    @property
    def size(self) -> int:
        return self.starts[-1]

    def read(self, first: int, lines: int) -> bytes:
        """So many lines after the first ones, of which `STEP` is a factor."""
        begin, end = first // STEP, -(-(first + lines) // STEP)
        with self.path.open("rb") as file:
            file.seek(self.starts[begin])
            return file.read(self.starts[end] - self.starts[begin])


def _refuse_long(path: Path, lines: int, last: int, ends: Rows, done: int) -> None:
    """Raises for a line that ended, or goes on, past the bound: what a line takes includes its
    end."""
    sizes = np.diff(ends, prepend=last)
    long = np.flatnonzero(sizes > MOST_BYTES)
    unended = done - (int(ends[-1]) if len(ends) else last)
    if len(long):
        raise too_long(path, lines + int(long[0]) + 1)
    if unended > MOST_BYTES:
        raise too_long(path, lines + len(ends) + 1)


def too_long(path: Path, row: int) -> Failure:
    return bad_file(path, "a line of more than 64 MiB", row=row)
