"""Which brackets of a `.dlc` text are never closed, and where each seems to end.

Only an unbalanced text is looked at twice. Plain matching would blame the outermost
brace (`model {` … end of file) for an inner one that was forgotten; indentation tells
which: a `}` at the start of a line closes the opener whose line is indented alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax.limits import MAX_DEPTH, TooLarge

CLOSER: Final = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_PAIR: Final = {"(": ")", "[": "]", "{": "}"}
# A quote that is not closed hides the rest of its line; so the pattern never backtracks.
_SKIP: Final = re.compile(
    r"""#[^\n]*|"(?:[^"\\\n]|\\[^\n])*"?|'(?:[^'\\\n]|\\[^\n])*'?|(?P<bracket>[()\[\]{}])"""
)


@dataclass(frozen=True, slots=True)
class Unclosed:
    """An opener without a closer, and the indentation of the line that it stands in."""

    sign: str
    offset: int
    indent: int
    line: int

    def is_left_by(self, line: int, indent: int, leads_line: bool) -> bool:
        """Whether a bracket at that place lies outside of this `(` or `[`, by indentation."""
        if self.sign == "{" or line == self.line:
            return False
        return indent < self.indent or (indent == self.indent and not leads_line)

    def ends_before(self, source: Source, following: int) -> bool:
        """Whether the line whose text begins at `following` can no longer belong inside."""
        if following >= len(source.text):
            return True
        return source.location(following).column - 1 <= self.indent


@dataclass(frozen=True, slots=True)
class Brackets:
    """`partners` maps an opener's offset to its closer's, `unclosed` those without one."""

    partners: Mapping[int, int]
    unclosed: Mapping[int, Unclosed]


NO_BRACKETS: Final = Brackets({}, {})


def scan_brackets(source: Source) -> Brackets:
    """The brackets of a text, strings and comments left out. Raises TooLarge."""
    marks = [(m.group("bracket"), m.start()) for m in _SKIP.finditer(source.text) if m.lastgroup]
    partners: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    balanced = True
    for sign, offset in marks:
        if sign in _PAIR:
            stack.append((_PAIR[sign], offset))
            if len(stack) > MAX_DEPTH:
                raise too_deep(source, offset, MAX_DEPTH, "brackets")
        elif not stack:
            balanced = False
        else:
            wanted, opener = stack.pop()
            balanced = balanced and wanted == sign
            partners[opener] = offset
    if balanced and not stack:
        return Brackets(partners, {})
    return _blame(source, marks)


def is_left(source: Source, opener: int, following: int) -> bool:
    """Whether a line whose text begins at `following` lies outside of a bracket above it."""
    indent, _ = _indent(source, opener)
    return source.location(following).column - 1 <= indent


def too_deep(source: Source, offset: int, limit: int, what: str) -> TooLarge:
    return TooLarge(
        Diagnostic(
            code("E0110"),
            f"{what} are nested more than {limit} deep",
            Label(source.span(offset, offset + 1), f"level {limit + 1} opens here"),
            help="name inner results, or move them to a block, and refer to them by name",
        )
    )


def _blame(source: Source, marks: list[tuple[str, int]]) -> Brackets:
    partners: dict[int, int] = {}
    unclosed: dict[int, Unclosed] = {}
    stack: list[Unclosed] = []
    for sign, offset in marks:
        indent, leads_line = _indent(source, offset)
        line = source.location(offset).line
        while stack and stack[-1].is_left_by(line, indent, leads_line):
            left_open = stack.pop()
            unclosed[left_open.offset] = left_open
        if sign in _PAIR:
            stack.append(Unclosed(sign, offset, indent, line))
            continue
        depth = _opener_of(stack, sign, indent if leads_line else None)
        if depth is None:
            continue
        for left_open in stack[depth + 1 :]:
            unclosed[left_open.offset] = left_open
        partners[stack[depth].offset] = offset
        del stack[depth:]
    unclosed.update((left_open.offset, left_open) for left_open in stack)
    return Brackets(partners, unclosed)


def _opener_of(stack: list[Unclosed], sign: str, indent: int | None) -> int | None:
    """The index of the opener that this closer belongs to; None for a stray closer.

    `indent` is given where the closer leads its line.
    """
    for depth in range(len(stack) - 1, -1, -1):
        opener = stack[depth]
        if _PAIR[opener.sign] == sign:
            if indent is None or opener.indent <= indent:
                return depth
        elif sign != "}" and opener.sign == "{":
            return None  # `)` never closes across a brace
    return None


def _indent(source: Source, offset: int) -> tuple[int, bool]:
    """The indentation of the line that holds `offset`, and whether `offset` ends it."""
    start = offset - source.location(offset).column + 1
    text, end = source.text, start
    # A bound, so that many brackets in one line of blanks stay linear.
    while end < offset and end - start < 1000 and text[end] in " \t":
        end += 1
    return end - start, end == offset
