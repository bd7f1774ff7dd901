"""What the parser could have taken, said in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dlc.compiler.source import Source
from dlc.compiler.syntax.lexer import NEWLINE, Token
from dlc.compiler.syntax.table import END

_VALUE_STARTS: Final = frozenset({"NAME", "NUMBER", "STRING", "LPAR", "LSQB"})
_OPERATORS: Final = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "AT", "POWER", "COMPARISON"}
    | {"AND", "OR", "IF", "DOT"}
)
_STATEMENTS: Final = frozenset({"PARAM", "MODEL", "BLOCK"})
_DECLARING: Final = frozenset({"INPUT", "OUTPUT", "TARGET", "PARAM", "DIM", "MODEL", "BLOCK"})
_LONGEST: Final = 40


def describe(expected: frozenset[str], literals: Mapping[str, str]) -> str:
    """`a name`, `a value`, `an op`, or the few signs that could follow."""
    if expected >= _VALUE_STARTS:
        if "REPEAT" in expected:
            return "a layer or a value"
        return "a value"
    if expected >= _STATEMENTS:
        return "a section, `param`, `model` or another declaration"
    if "NAME" in expected:
        if "REPEAT" in expected:
            return "an op"
        if "STRING" in expected:
            return "a key"
        return "a name"
    if expected == {"NUMBER"}:
        return "a number"
    if expected == {"STRING"}:
        return "a quoted path"
    rest = expected - _OPERATORS or expected
    signs = sorted(f"`{literals[kind]}`" for kind in rest if kind in literals)
    if rest & {NEWLINE, END}:
        signs.append("the end of the line")
    if not signs:
        return "an operator" if expected else "nothing more"
    if len(signs) > 4:
        return "something else"
    return signs[0] if len(signs) == 1 else ", ".join(signs[:-1]) + " or " + signs[-1]


def spell(source: Source, token: Token) -> str:
    """The token as a message names it."""
    if token.type == END:
        return "the end of the file" if source.surface == "dlc" else "the end"
    if token.type == NEWLINE:
        return "the end of the line"
    text = source.text[token.start : token.end]
    return f"`{text}`" if len(text) <= _LONGEST else f"`{text[:_LONGEST]}…`"


def hint(
    source: Source, token: Token, expected: frozenset[str], before: Token | None
) -> str | None:
    """What to do, where the words for it are known."""
    text = source.text[token.start : token.end]
    kind = token.type
    if kind == "EQUAL" and before is not None and before.type in _DECLARING:
        word = source.text[before.start : before.end]
        return f"`{word}` is a word of the language; choose another name"
    if kind == "ARROW" and before is not None and before.type == "ARROW":
        return "write one `->` between two ops"
    if kind == "COMPARISON" and text == "==" and "EQUAL" in expected:
        return "a setting is written with one `=`"
    if kind == "COMPARISON" and before is not None and expected & {"AND"}:
        return "comparisons do not chain: write `a < b and b < c`"
    if kind == "EQUAL" and expected & _OPERATORS and "COMPARISON" in expected:
        return "equality is written `==`"
    if kind == "COLON" and {"ARROW", "LPAR"} <= expected:
        return "arguments stand in parentheses, as in `linear(10)`"
    if kind == "COLON" and "EQUAL" in expected:
        return "a setting is written `key = value`; `:` declares a type"
    if kind == "EQUAL" and "COLON" in expected:
        return "a type is declared with `:`, as in `x: float[N, 8]`"
    if kind == "LBRACE" and "EQUAL" in expected:
        return "a section is written `name { ... }`"
    if text in ("True", "False", "None"):
        return f"write `{ {'True': 'true', 'False': 'false', 'None': 'null'}[text] }`"
    if kind in ("PLUS", "STAR", "MINUS", "SLASH") and before is not None and "ARROW" in expected:
        return "sum or scale values before the first `->`, as in `a + b -> relu`"
    if "NAME" in expected and kind.isalpha() and text.isidentifier() and kind != "NAME":
        return f"`{text}` is a word of the language here; choose another name"
    return None
