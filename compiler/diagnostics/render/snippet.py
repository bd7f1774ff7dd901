"""Source lines with marks under them: the picture part of a diagnostic's text form.

    12 |   a = conv2d(64, 3)
       |       ------ float[N, 64, 32, 32]
    ...
    14 |   y = a + b
       |       ^^^^^ the sizes differ

A label over several lines gets a lane of its own at the left: `/`, `|`, `|___^`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dlc.compiler.diagnostics.model import Label
from dlc.compiler.diagnostics.render.display import Line, lay_out, normalized, visible, width
from dlc.compiler.source import Source

_LANES = 3  # more nested regions than this are marked at their first line only
_WHOLE = 6  # a region of at most so many lines is shown whole


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on its source: 1-based lines, 0-based characters, the end excluded."""

    first_line: int
    first: int
    last_line: int
    last: int
    text: str
    primary: bool

    @property
    def sign(self) -> str:
        return "^" if self.primary else "-"

    @property
    def style(self) -> str:
        return "primary" if self.primary else "secondary"


class Row:
    """One row of signs, each with a style; written at random, read once."""

    def __init__(self) -> None:
        self._signs: list[str] = []
        self._styles: list[str] = []

    def put(self, column: int, text: str, style: str) -> None:
        missing = column + len(text) - len(self._signs)
        self._signs.extend(" " * missing)
        self._styles.extend([""] * missing)
        for i, sign in enumerate(text, column):
            self._signs[i] = sign
            self._styles[i] = style

    def lay(self, column: int, other: Row) -> None:
        """Put what another row holds, from `column` on."""
        for text, style in other.runs():
            if style:
                self.put(column, text, style)
            column += len(text)

    def runs(self) -> list[tuple[str, str]]:
        """(text, style) in order, trailing blanks left out."""
        end = len(self._signs)
        while end and self._signs[end - 1] == " ":
            end -= 1
        runs: list[tuple[str, str]] = []
        for sign, style in zip(self._signs[:end], self._styles[:end], strict=True):
            if runs and runs[-1][1] == style:
                runs[-1] = (runs[-1][0] + sign, style)
            else:
                runs.append((sign, style))
        return runs


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of the snippet: `number` stands before the bar, `...` for left-out lines."""

    number: int | None
    runs: tuple[tuple[str, str], ...]
    elision: bool = False


def picture(source: Source, labels: Sequence[tuple[Label, bool]], room: int) -> list[Picture]:
    """The rows for all labels that lie in `source`; the flag says which label is primary."""
    marks = [_mark(source, label, primary) for label, primary in labels]
    long = sorted(
        (m for m in marks if m.last_line > m.first_line),
        key=lambda m: (m.first_line - m.last_line, not m.primary),
    )
    lanes, rest = long[:_LANES], long[_LANES:]
    short = [m for m in marks if m.last_line == m.first_line]
    short += [_first_line_only(source, m) for m in rest]

    rows: list[Picture] = []
    open_lanes: dict[int, Mark] = {}
    previous = 0
    for number in _lines(short, lanes):
        if previous and number > previous + 1:
            rows.append(Picture(None, tuple(_bars(open_lanes).runs()), elision=True))
        here = [m for m in short if m.first_line == number]
        rows.extend(_line_rows(source, number, here, lanes, open_lanes, room))
        previous = number
    return rows


def _mark(source: Source, label: Label, primary: bool) -> Mark:
    span = normalized(label.span)
    start, end = source.location(span.start), source.location(span.end)
    text = visible(" ".join(label.text.splitlines()))
    return Mark(start.line, start.column - 1, end.line, end.column - 1, text, primary)


def _first_line_only(source: Source, mark: Mark) -> Mark:
    end = len(source.line(mark.first_line))
    return Mark(mark.first_line, mark.first, mark.first_line, end, mark.text, mark.primary)


def _lines(short: Sequence[Mark], lanes: Sequence[Mark]) -> list[int]:
    """The lines to show; a gap of a single line is shown rather than left out."""
    wanted = {m.first_line for m in short}
    for mark in lanes:
        if mark.last_line - mark.first_line < _WHOLE:
            wanted.update(range(mark.first_line, mark.last_line + 1))
        else:
            wanted.update((mark.first_line, mark.first_line + 1, mark.last_line))
    ordered = sorted(wanted)
    wanted.update(a + 1 for a, b in pairwise(ordered) if b == a + 2)
    return sorted(wanted)


def _line_rows(
    source: Source,
    number: int,
    here: Sequence[Mark],
    lanes: Sequence[Mark],
    open_lanes: dict[int, Mark],
    room: int,
) -> list[Picture]:
    """One source line and what stands under it; opens and closes the lanes it passes."""
    text = source.line(number)
    left = 2 * len(lanes)
    focus = min(here, key=lambda m: not m.primary, default=None)
    line = lay_out(
        text, max(room - left, 20), focus.first if focus else 0, focus.last if focus else 0
    )

    row = _bars(open_lanes)
    late = []
    for lane, mark in enumerate(lanes):
        if mark.first_line != number:
            continue
        if text[: mark.first].strip():
            late.append((lane, mark))
        else:
            row.put(2 * lane, "/", mark.style)
            open_lanes[lane] = mark
    row.put(left, line.text, "")
    rows = [row]

    for signs in _marks_under(here, line):
        under = _bars(open_lanes)
        under.lay(left, signs)
        rows.append(under)
    for lane, mark in late:
        under = _bars(open_lanes)
        until = left + line.column(mark.first)
        under.put(2 * lane + 1, "_" * (until - 2 * lane - 1) + mark.sign, mark.style)
        open_lanes[lane] = mark
        rows.append(under)
    for lane in sorted(open_lanes, reverse=True):
        mark = open_lanes[lane]
        if mark.last_line == number:
            under = _bars(open_lanes)
            until = left + max(line.column(mark.last) - 1, 0)
            under.put(2 * lane + 1, "_" * (until - 2 * lane - 1) + mark.sign, mark.style)
            under.put(until + 2, mark.text, mark.style)
            del open_lanes[lane]
            rows.append(under)
    return [Picture(None if i else number, tuple(r.runs())) for i, r in enumerate(rows)]


def _bars(open_lanes: dict[int, Mark]) -> Row:
    row = Row()
    for lane, mark in open_lanes.items():
        row.put(2 * lane, "|", mark.style)
    return row


def _marks_under(marks: Sequence[Mark], line: Line) -> list[Row]:
    """The underlines of one source line, and the texts that hang from them."""
    if not marks:
        return []
    placed = []
    for mark in sorted(marks, key=lambda m: m.primary):  # the primary is drawn over the rest
        start = line.column(mark.first)
        placed.append((start, max(line.column(mark.last), start + 1), mark))

    signs = Row()
    for start, end, mark in placed:
        signs.put(start, mark.sign * (end - start), mark.style)
    rows = [signs]

    told = sorted((p for p in placed if p[2].text), key=lambda p: (p[0], p[2].primary))
    furthest = max(end for _, end, _ in placed)
    if told and told[-1][1] == furthest:
        _, end, mark = told.pop()
        signs.put(end + 1, mark.text, mark.style)
    if told:
        rows.append(_connectors(told))
    while told:
        start, _, mark = told.pop()
        row = _connectors([p for p in told if p[0] < start])
        row.put(start, mark.text, mark.style)
        rows.append(row)
    return rows


def _connectors(placed: Sequence[tuple[int, int, Mark]]) -> Row:
    row = Row()
    for start, _, mark in placed:
        row.put(start, "|", mark.style)
    return row


def gutter(rows: Sequence[Picture]) -> int:
    """The width that the line numbers need."""
    return max((width(str(row.number)) for row in rows if row.number is not None), default=1)
