"""Going on after a syntax error, so that one run reports them all.

At a token that the parser cannot take, in this order:

1. a bracket that is never closed is closed, at the end of its line;
2. one token is inserted, if the offending token is then legal;
3. the token is dropped (an opening bracket with all that it encloses).

What is said follows from what the parser could have taken. One report a line, twenty a
file. What was inserted is `tree.Missing`, or a `Name` without text, in the tree.
"""

from __future__ import annotations

from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax.brackets import CLOSER, NO_BRACKETS, Brackets, is_left
from dlc.compiler.syntax.expectation import describe, hint, spell
from dlc.compiler.syntax.lexer import NEWLINE, Lexer, Token
from dlc.compiler.syntax.limits import MAX_ERRORS, MAX_REPAIRS
from dlc.compiler.syntax.parser import GiveUp, Parser
from dlc.compiler.syntax.table import END

_INSERTABLE: Final = (
    "COMMA",
    "EQUAL",
    "RPAR",
    "NAME",
    "RSQB",
    "COLON",
    "RBRACE",
    "LBRACE",
    "NUMBER",
    "STRING",
)
_SEPARATORS: Final = frozenset({"COMMA", "COLON", "LBRACE"})
# Where one of these is unexpected the text before it is incomplete: no separator helps.
_CLOSING: Final = frozenset({NEWLINE, END, "RPAR", "RSQB", "RBRACE", "COMMA", "EQUAL", "COLON"})
_CLOSERS: Final = frozenset(CLOSER.values())
_LINE_ENDS: Final = frozenset({NEWLINE, END, "RBRACE", "UNCLOSED"})
_PAIRS: Final = (("EQUAL", "NAME"), ("COLON", "NAME"), ("IMPORT", "NAME"), ("LBRACE", "RBRACE"))
# What people write for another sign: `lr == 1`, `if a = b`, `lr: 1`, `x = float[N]`.
_MISSPELT: Final = {
    "COMPARISON": ("EQUAL",),
    "EQUAL": ("COMPARISON", "COLON"),
    "COLON": ("EQUAL",),
}
_CLOSING_SIGN: Final = {"(": ")", "[": "]", "{": "}"}


_REPLACEMENTS: Final = {
    "$": "write the name alone: an expression needs no `${...}`",
    "~": "write `null`",
    "^": "a power is written `**`",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    ";": "put each statement on its own line",
    "“": 'use the plain quote `"`',
    "”": 'use the plain quote `"`',
    "‘": "use the plain quote `'`",
    "’": "use the plain quote `'`",
    "−": "use the plain minus `-`",
    "–": "use the plain minus `-`",
    "×": "use `*`",
    "→": "use `->`",
    "…": "use `...`",
    "\u00a0": "use a plain blank",
    "\ufeff": "save the file without a byte order mark",
}


class Recovery:
    """Reports and repairs the syntax errors of one text."""

    def __init__(
        self,
        collector: Collector,
        brackets: Brackets = NO_BRACKETS,
        *,
        limit: int = MAX_ERRORS,
    ) -> None:
        self._collector = collector
        self._unclosed = brackets.unclosed
        self._partners = brackets.partners
        self._left = limit
        self._repairs = 0
        self._line: int | None = None  # the line of the last report

    def __call__(self, parser: Parser, token: Token) -> Token:
        lexer = parser.lexer
        self._repairs += 1
        if self._repairs > MAX_REPAIRS:
            raise GiveUp
        if token.type == "UNCLOSED":
            return self._close_bracket(parser)
        if lexer.crossed is not None and self._spans_lines(lexer, token):
            # Read the line break again, now that the bracket no longer hides it.
            lexer.rewind(lexer.crossed)
            return self._close_bracket(parser)
        if token.type == "UNKNOWN":
            self._report(unknown_text(_whole_word(parser, token)))
            return self._drop(parser, token)
        # A line is reported once: what else it lacks need not be found out.
        said = lexer.source.location(token.start).line == self._line
        expected = frozenset() if said else parser.expected()
        meant = self._misspelt(parser, token)
        if meant is not None:
            self._report_misspelt(parser, token, meant, expected)
            lexer.last = Token(meant, token.start, token.end)
            return lexer.last
        inserted = self._insertion(parser, token)
        if inserted:
            self._report_missing(parser, token, inserted, expected)
            return self._insert(parser, token, inserted)
        if token.type == END and lexer.open:
            return self._close_bracket(parser)
        self._report_unexpected(parser, token, expected)
        if token.type == END:
            raise GiveUp
        return self._drop(parser, token)

    # ── repairs ──────────────────────────────────────────────────────────────

    def _spans_lines(self, lexer: Lexer, token: Token) -> bool:
        """Whether the token lies a line below an unclosed `(` or `[` that swallowed it."""
        around = [b for b in lexer.open if b[1] < token.start]
        if not around or around[-1][0] == "LBRACE":
            return False
        opener = around[-1][1]
        # Counted over the whole file, a stray closer elsewhere may hide a missing one here.
        return opener in self._unclosed or is_left(lexer.source, opener, token.start)

    def _close_bracket(self, parser: Parser) -> Token:
        lexer = parser.lexer
        kind, offset = lexer.open.pop()
        closer = CLOSER[kind]
        self._report_unclosed(lexer.source, offset, parser.end)
        if not parser.accepts(closer):
            if not parser.accepts("NAME", closer):
                return self._next(parser)
            parser.take(Token("NAME", parser.end, parser.end))
        lexer.last = Token(closer, parser.end, parser.end)
        return lexer.last

    def _misspelt(self, parser: Parser, token: Token) -> str | None:
        """The sign that was meant where a similar one was written."""
        kind = token.type
        if kind == "COMPARISON" and parser.lexer.source.text[token.start : token.end] != "==":
            return None
        return next((m for m in _MISSPELT.get(kind, ()) if parser.accepts(m, "NAME")), None)

    def _insertion(self, parser: Parser, token: Token) -> tuple[str, ...]:
        """The tokens that make the refused one legal; none where nothing simple does."""
        kind = token.type
        closing = kind in _CLOSING
        for candidate in _INSERTABLE:
            if candidate in _SEPARATORS and closing:
                continue
            if candidate in _CLOSERS and not self._lacks_closer(parser.lexer, candidate):
                continue
            if candidate == "LBRACE" and not self._lacks_opener(parser.lexer.source):
                continue
            if parser.accepts(candidate, kind):
                return (candidate,)
        if closing:
            return next((pair for pair in _PAIRS if parser.accepts(*pair, kind)), ())
        return ()

    def _lacks_closer(self, lexer: Lexer, closer: str) -> bool:
        """Whether the innermost bracket wants this closer and the text has none for it."""
        if not lexer.open:
            return False
        kind, offset = lexer.open[-1]
        return CLOSER[kind] == closer and (lexer.inline or offset in self._unclosed)

    def _lacks_opener(self, source: Source) -> bool:
        return source.text.count("}") > source.text.count("{")

    def _insert(self, parser: Parser, token: Token, kinds: tuple[str, ...]) -> Token:
        """Take the inserted tokens, then go on with the one that was refused."""
        lexer = parser.lexer
        for kind in kinds:
            if kind in _CLOSERS and lexer.open:
                lexer.open.pop()
                lexer.close(token.type)
            elif kind == "LBRACE":
                lexer.open.append((kind, parser.end))
            parser.take(Token(kind, parser.end, parser.end))
        return token

    def _drop(self, parser: Parser, token: Token) -> Token:
        """Go past the token; past the whole line where the statement may end before it."""
        lexer = parser.lexer
        self._skip_brackets(lexer, token)
        if not parser.accepts(NEWLINE):
            return self._next(parser)
        while True:
            token = self._next(parser)
            if token.type in _LINE_ENDS:
                return token
            self._skip_brackets(lexer, token)

    def _skip_brackets(self, lexer: Lexer, token: Token) -> None:
        """An opening bracket goes with all that it encloses."""
        if token.type in CLOSER:
            lexer.open.pop()
            closer = self._partners.get(token.start)
            if closer is not None:
                lexer.position = closer + 1

    def _next(self, parser: Parser) -> Token:
        return parser.lexer.next(parser.table.states[parser.states[-1]])

    # ── reports ──────────────────────────────────────────────────────────────

    def _report(self, diagnostic: Diagnostic) -> None:
        if diagnostic.primary is not None:
            line = diagnostic.primary.span.location.line
            if line == self._line:
                return
            self._line = line
        self._collector.add(diagnostic)
        self._left -= 1
        if self._left == 0:
            raise GiveUp

    def _report_unclosed(self, source: Source, offset: int, end: int) -> None:
        opener = source.span(offset, offset + 1)
        closer = _CLOSING_SIGN.get(opener.text)
        if closer is None:
            return  # not in the text: it was put there, and that was reported
        if opener.text == "{":
            self._report(
                Diagnostic(
                    code("E0103"),
                    "`{` is never closed",
                    Label(opener, "opened here"),
                    (Label(source.span(end), "`}` is missing after this"),),
                    help="close it with `}` on a line of its own",
                )
            )
            return
        self._report(
            Diagnostic(
                code("E0103"),
                f"missing `{closer}` before the end of the line",
                Label(source.span(end), f"`{closer}` expected"),
                (Label(opener, "opened here"),),
                help=f"close the `{opener.text}` with `{closer}`",
                fix=Fix(f"add `{closer}`", (Edit(source.span(end), closer),)),
            )
        )

    def _report_missing(
        self, parser: Parser, token: Token, inserted: tuple[str, ...], expected: frozenset[str]
    ) -> None:
        source = parser.lexer.source
        sign = inserted[0]
        if sign in _CLOSERS:
            self._report_unclosed(source, parser.lexer.open[-1][1], parser.end)
            return
        if sign not in parser.table.literals or len(inserted) > 1:
            self._report_unexpected(parser, token, expected)
            return
        sign = parser.table.literals[sign]
        spelled = f" {sign}" if sign == "=" else sign
        self._report(
            Diagnostic(
                code("E0101"),
                f"missing `{sign}` before {spell(source, token)}",
                Label(source.span(token.start, token.end), f"`{sign}` expected before this"),
                help=hint(source, token, expected, parser.last) or f"add `{sign}`",
                fix=Fix(f"add `{sign}`", (Edit(source.span(parser.end), spelled),)),
            )
        )

    def _report_misspelt(
        self, parser: Parser, token: Token, meant: str, expected: frozenset[str]
    ) -> None:
        source = parser.lexer.source
        sign = parser.table.literals.get(meant, "==")
        span = source.span(token.start, token.end)
        self._report(
            Diagnostic(
                code("E0101"),
                f"expected `{sign}` here, not `{span.text}`",
                Label(span, f"expected `{sign}`"),
                help=hint(source, token, expected, parser.last),
                fix=Fix(f"write `{sign}`", (Edit(span, sign),)),
            )
        )

    def _report_unexpected(self, parser: Parser, token: Token, expected: frozenset[str]) -> None:
        source = parser.lexer.source
        wanted = describe(expected, parser.table.literals)
        at_end = token.type in (NEWLINE, END)
        place = source.span(parser.end) if at_end else source.span(token.start, token.end)
        self._report(
            Diagnostic(
                code("E0101"),
                f"expected {wanted} here, not {spell(source, token)}",
                Label(place, f"expected {wanted}"),
                help=hint(source, token, expected, parser.last),
            )
        )


def unknown_text(span: Span) -> Diagnostic:
    """What to say about characters that no terminal begins with."""
    text = span.text
    sign = next((s for s in text if not (s.isascii() and s.isalnum()) and s != "_"), text[0])
    if ord(sign) < 32 or 127 <= ord(sign) < 160:
        return Diagnostic(
            code("E0111"),
            f"a control character, U+{ord(sign):04X}",
            Label(span),
            help="remove it; a spec is plain text",
        )
    if sign in "\"'":
        return Diagnostic(
            code("E0103"),
            f"a quote {sign} that is not closed on its line",
            Label(span, "opened here"),
            help=f"close the text with {sign}",
        )
    if sign.isalpha():
        return Diagnostic(
            code("E0116"),
            f"`{text}` is not a plain name",
            Label(span, "names are made of a-z, A-Z, 0-9 and `_`"),
            help="rename it, or quote it if it is text",
        )
    return Diagnostic(
        code("E0102"),
        f"a sign that the language does not use: {_name(sign)}",
        Label(span),
        help=_REPLACEMENTS.get(sign, "remove it, or quote it if it is text"),
    )


def _whole_word(parser: Parser, token: Token) -> Span:
    """The place of an unknown letter together with the name that it is glued to."""
    source, before = parser.lexer.source, parser.last
    glued = before is not None and before.end == token.start and before.type == "NAME"
    if before is not None and glued and source.text[token.start].isalpha():
        return source.span(before.start, token.end)
    return source.span(token.start, token.end)


def _name(sign: str) -> str:
    if not sign.isprintable():
        return f"U+{ord(sign):04X}"
    return f"`{sign}`" if sign.isascii() else f"`{sign}` (U+{ord(sign):04X})"
