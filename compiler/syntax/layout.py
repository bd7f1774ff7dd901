"""What the printers of both surfaces share: lines, comments, blank lines, widths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dlc.compiler.source import Source
from dlc.compiler.syntax.comments import Attached, Comments, Construct

WIDTH: Final = 100
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")


class Layout:
    """Lines under construction, with the comments of the constructs that they print."""

    def __init__(self, source: Source, comments: Comments) -> None:
        self.comments = comments
        self._source = source

    def unit(self, construct: Construct | None, lines: list[str], indent: str) -> list[str]:
        """The lines of a construct, indented already, with its comments."""
        return attach(self.comments.of(construct), lines, indent)

    def separated(self, groups: Sequence[list[str]]) -> list[str]:
        """Groups of lines with a blank line between them."""
        lines: list[str] = []
        for group in groups:
            if group:
                if lines:
                    lines.append("")
                lines += group
        return lines

    def is_expanded(self, start: int, end: int, source: Source) -> bool | None:
        """Whether the author spread this over lines; None where there is no author."""
        if source is not self._source or not source.text:
            return None
        return "\n" in source.text[start:end].rstrip()

    def is_apart(self, before: Construct, construct: Construct) -> bool:
        """Whether the author left a blank line between two neighbours."""
        first, second = before.span, construct.span
        if first.source is not self._source or second.source is not self._source:
            return False
        return _BLANK_LINE.search(self._source.text, first.end, second.start) is not None


def attach(attached: Attached, lines: list[str], indent: str) -> list[str]:
    """Comments round lines: before, behind the first, behind the last."""
    lines = list(lines)
    if attached.header:
        lines[0] += "  " + "  ".join(attached.header)
    if attached.tail:
        lines[-1] += "  " + "  ".join(attached.tail)
    return [indent + text for text in attached.leading] + lines
