"""Characters to tokens, one at a time, as the parser asks for them.

The lexer is contextual in two ways. A keyword is a keyword only where the parser's state
can take it, so that `negatives = negatives` and `linear(input=3)` need no quoting. A line
break ends a statement unless the line obviously goes on (see `_ends_statement`).

Every token is a slice of the source, so a scalar inside a YAML file is read in place and
its spans need no mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax.brackets import CLOSER, NO_BRACKETS, Brackets, too_deep
from dlc.compiler.syntax.limits import (
    MAX_DEPTH,
    MAX_EXPRESSION_DEPTH,
    MAX_EXPRESSION_TOKENS,
    TooLarge,
)
from dlc.compiler.syntax.table import END, Table

NEWLINE: Final = "_NL"

_OPENERS: Final = frozenset(CLOSER)
_CLOSERS: Final = frozenset(CLOSER.values())

_BLANK: Final = re.compile(r"[ \t\r\f\n]*(?P<comment>#[^\n]*)?")
# After these a line break means nothing: more must come.
_CONTINUES: Final = frozenset(
    {"ARROW", "COMMA", "LBRACE", "PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "AT"}
    | {"POWER", "COMPARISON", "AND", "OR", "NOT", "ELSE", "SHORTCUT", "RANGE"}
)


# Between two of these stands one expression, or one item of a list or call.
_SEPARATES: Final = frozenset(
    {"COMMA", "ARROW", "EQUAL", "COLON", "LBRACE", "RBRACE", NEWLINE, END}
)


class Token(NamedTuple):
    """Characters `start` to `end` of the source. An inserted token is empty (`start == end`)."""

    type: str
    start: int
    end: int

    @property
    def inserted(self) -> bool:
        return self.start == self.end and self.type not in (END, NEWLINE)


class Lexer:
    """Tokens of `source.text[start:end]`: a `.dlc` file, or `inline` one expression."""

    def __init__(
        self,
        source: Source,
        table: Table,
        start: int = 0,
        end: int | None = None,
        *,
        inline: bool = False,
        brackets: Brackets = NO_BRACKETS,
    ) -> None:
        self.source = source
        self.position = start
        self.end = len(source.text) if end is None else end
        self.last = Token(NEWLINE, start, start)  # the token given last
        self.crossed: int | None = None  # the line break that was skipped just before `last`
        self.comments: list[tuple[int, int]] = []
        self.open: list[tuple[str, int]] = []  # brackets: terminal and offset
        self._text = source.text
        self._match = table.scanner.match
        self._keywords = table.keywords
        # Inside a YAML scalar `#` is an ordinary character and lines are only folded.
        self.inline = inline
        self._run = 0  # tokens since the last separator
        self._unclosed = brackets.unclosed

    def next(self, accepted: Mapping[str, int]) -> Token:
        """The next token for a parser state that has actions for `accepted`."""
        text, match = self._text, self._match
        self.crossed = None
        while True:
            position = self.position
            if position >= self.end:
                return self._give(END, self.end, self.end)
            found = match(text, position, self.end)
            kind = found.lastgroup if found else None
            if found is None or kind is None:
                return self._give("UNKNOWN", position, self._unknown_end(position))
            end = found.end()
            if kind == "SPACE":
                self.position = end
            elif kind == "NAME":
                keyword = self._keywords.get(text[position:end])
                if keyword is not None and keyword in accepted:
                    kind = keyword
                return self._give(kind, position, end)
            elif kind == NEWLINE:
                token = self._newline(position)
                if token is not None:
                    return token
            elif kind == "COMMENT":
                if self.inline:
                    return self._give("UNKNOWN", position, position + 1)
                self.comments.append((position, end))
                self.position = end
            else:
                if kind in _OPENERS:
                    self._push(kind, position)
                elif kind in _CLOSERS:
                    self.close(kind)
                return self._give(kind, position, end)

    def close(self, kind: str) -> None:
        """A closer that was refused when it was read belongs to the innermost bracket."""
        if self.open and CLOSER[self.open[-1][0]] == kind:
            self.open.pop()

    def rewind(self, offset: int) -> None:
        """Read again from `offset`."""
        self.position = offset
        self.comments = [c for c in self.comments if c[0] < offset]
        self.open = [b for b in self.open if b[1] < offset]

    def _give(self, kind: str, start: int, end: int) -> Token:
        self.position = end
        self.last = Token(kind, start, end)
        if kind in _SEPARATES:
            self._run = 0
        else:
            self._run += 1
            if self._run > MAX_EXPRESSION_TOKENS:
                raise too_long(
                    self.source.span(start, end), f"{MAX_EXPRESSION_TOKENS} tokens in a row"
                )
        return self.last

    def _push(self, kind: str, offset: int) -> None:
        self.open.append((kind, offset))
        depth = len(self.open)
        if depth <= MAX_EXPRESSION_DEPTH:
            return
        inner = 0
        for opener, _ in reversed(self.open):
            if opener == "LBRACE" and not self.inline:
                break
            inner += 1
        if inner > MAX_EXPRESSION_DEPTH:
            raise too_deep(self.source, offset, MAX_EXPRESSION_DEPTH, "parentheses and lists")
        if depth > MAX_DEPTH:
            raise too_deep(self.source, offset, MAX_DEPTH, "brackets")

    def _newline(self, position: int) -> Token | None:
        """The line break at `position` as a token, or None where it means nothing."""
        self.position = position + 1
        if self.inline:
            return None
        following = self._skip_blank()
        if self.open:
            bracket = self._unclosed.get(self.open[-1][1])
            if bracket is not None and bracket.ends_before(self.source, following):
                # The bracket is closed here: `recovery` says so, and the line is read again.
                self.rewind(position)
                return self._give("UNCLOSED", position, position)
            if self.open[-1][0] != "LBRACE":
                self.crossed = position
                return None
        if not self._ends_statement(following):
            self.crossed = position
            return None
        token = self._give(NEWLINE, position, position + 1)
        self.position = following
        return token

    def _skip_blank(self) -> int:
        """Go past blank lines and comments; the offset of what follows."""
        while True:
            found = _BLANK.match(self._text, self.position, self.end)
            assert found is not None
            start, self.position = found.span("comment")[0], found.end()
            if start < 0:
                return self.position
            self.comments.append((start, self.position))

    def _ends_statement(self, following: int) -> bool:
        """Whether a line break ends the statement, given where the next line's text begins."""
        if self.last.type in _CONTINUES or self.last.type == NEWLINE:
            return False
        text = self._text
        if text.startswith("->", following):
            return False
        for word in ("else", "shortcut"):
            if text.startswith(word, following):
                rest = text[following + len(word) : following + len(word) + 200].lstrip(" \t")
                if rest.startswith("{") or (word == "else" and rest.startswith(("if ", "if("))):
                    return False
        return True

    def _unknown_end(self, position: int) -> int:
        """A run of letters that are not ours is one finding, any other sign is one each."""
        text = self._text
        end = position + 1
        if text[position] in "\"'":  # a quote that is not closed hides the rest of its line
            line_end = text.find("\n", position, self.end)
            return self.end if line_end < 0 else line_end
        if text[position].isalpha():
            while end < self.end and (text[end].isalnum() or text[end] == "_"):
                end += 1
        return end


def too_long(span: Span, what: str) -> TooLarge:
    return TooLarge(
        Diagnostic(
            code("E0110"),
            f"an expression of more than {what}",
            Label(span),
            help="split it: name its parts, as params or as layers",
        )
    )
