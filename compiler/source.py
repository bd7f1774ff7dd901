"""Source text and places in it.

A `Span` is a half-open range of character offsets (Unicode code points) into one
`Source`. Lines and columns exist only for people: they are computed on demand,
1-based, from the line table.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class Location(NamedTuple):
    """A place as people count: both 1-based, columns in code points."""

    line: int
    column: int


@dataclass(frozen=True, eq=False)
class Source:
    """One text: a file, a `--set` argument, or a fragment in a test.

    `name` is what diagnostics print; `surface` says which front end reads it.
    """

    name: str
    text: str
    surface: str = "yaml"  # "yaml" | "dlc" | "argument"

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.text.split("\n")[:-1]:
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def location(self, offset: int) -> Location:
        """The line and column of a character offset; past the end is the end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._line_starts, offset)
        return Location(line, offset - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a 1-based line, without its line break."""
        starts = self._line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based line and column, kept inside the text."""
        starts = self._line_starts
        if line > len(starts):
            return len(self.text)
        return min(starts[line - 1] + column - 1, len(self.text))

    def span(self, start: int, end: int | None = None) -> Span:
        return Span(self, start, start if end is None else end)

    @property
    def whole(self) -> Span:
        return Span(self, 0, len(self.text))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def location(self) -> Location:
        return self.source.location(self.start)

    @property
    def end_location(self) -> Location:
        return self.source.location(self.end)

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))

    def __str__(self) -> str:
        place = self.location
        return f"{self.source.name}:{place.line}:{place.column}"
