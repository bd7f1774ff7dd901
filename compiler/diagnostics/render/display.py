"""How text looks in a terminal: widths, tabs, characters that must not get there.

A spec is untrusted text. Control characters could move the cursor or recolour the
screen, and bidirectional overrides could show code in another order than it is
read; both are shown as a replacement sign.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from dlc.compiler.source import Span

TAB = 4
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """`text` with nothing in it that a terminal would obey; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == "\n" else " " if c == "\t" else _shown(c) for c in text)


def width(text: str) -> int:
    """Terminal columns of a text without tabs and line breaks."""
    return len(text) if text.isascii() else sum(_width(c) for c in text)


def _shown(c: str) -> str:
    # Cc controls, Cf bidirectional overrides and zero-width signs, Cs surrogates, Z[lp] breaks.
    return _REPLACEMENT if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c


def _width(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Line:
    """One source line laid out: what is shown for each character, and where.

    `columns[i]` is the terminal column at which character `first + i` of the line
    begins; the last entry is where the line ends.
    """

    shown: tuple[str, ...]
    columns: tuple[int, ...]
    first: int
    cut_before: bool
    cut_after: bool

    @property
    def text(self) -> str:
        before = "…" if self.cut_before else ""
        after = "…" if self.cut_after else ""
        return before + "".join(self.shown).rstrip() + after

    def column(self, character: int) -> int:
        """The terminal column of a 0-based character of the line, inside what is shown."""
        index = min(max(character - self.first, 0), len(self.columns) - 1)
        return self.columns[index] + self.cut_before


def lay_out(text: str, room: int, start: int, end: int) -> Line:
    """A source line in at most `room` columns; a longer one is cut around `start`..`end`."""
    # A line of a megabyte is not measured whole for the sake of a hundred columns.
    first = max(0, start - 4 * room) if len(text) > 8 * room else 0
    last = min(len(text), first + 8 * room)
    shown: list[str] = []
    columns = [0]
    for c in text[first:last]:
        if c == "\t":
            step = TAB - columns[-1] % TAB
            shown.append(" " * step)
            columns.append(columns[-1] + step)
        else:
            sign = _shown(c)
            shown.append(sign)
            columns.append(columns[-1] + _width(sign))
    total = columns[-1]
    if total <= room and first == 0 and last == len(text):
        return Line(tuple(shown), tuple(columns), 0, False, False)

    # The marked part in the middle, as far as the ends of the line allow.
    inner = room - 2
    at = columns[min(max(start - first, 0), len(shown))]
    until = columns[min(max(end - first, 0), len(shown))]
    left = max(0, min(at - max(inner - (until - at), 0) // 2, total - inner))
    low = next(i for i, column in enumerate(columns) if column >= left)
    high = low
    while high < len(shown) and columns[high + 1] - columns[low] <= inner:
        high += 1
    base = columns[low]
    return Line(
        tuple(shown[low:high]),
        tuple(column - base for column in columns[low : high + 1]),
        first + low,
        first + low > 0,
        first + high < len(text),
    )


def normalized(span: Span) -> Span:
    """The span as it is shown: without trailing white space, and never in the void after the text.

    YAML ends a mapping where the next line begins; an error at the end of the file
    belongs after the last word.
    """
    text = span.source.text
    start, end = max(0, span.start), min(span.end, len(text))
    while end > start and text[end - 1].isspace():
        end -= 1
    if start >= len(text) or (start == end and not text[start:].strip()):
        start = end = len(text.rstrip())
    return Span(span.source, start, max(start, end))
