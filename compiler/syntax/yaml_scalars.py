"""Expressions as YAML scalars that read back as the same expression."""

from __future__ import annotations

import json
import re
from typing import Final

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.printing import format_expression
from dlc.compiler.syntax.strings import HIDDEN

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
# What a plain scalar cannot begin with. `-`, `?` and `:` may where no blank follows.
_INDICATORS: Final = frozenset("[]{},#&*!|>'\"%@`")
_FLOW: Final = re.compile(r"[,\[\]{}]")


def spell_key(text: str) -> str:
    return text if _KEY.match(text) else quoted(text)


def quoted(text: str) -> str:
    """Text in double quotes: JSON's escapes, which YAML reads alike."""
    return HIDDEN.sub(lambda m: f"\\u{ord(m.group()):04x}", json.dumps(text, ensure_ascii=False))


def scalar(expr: tree.Expr) -> str:
    """One line for a YAML value that is no list and no mapping."""
    if isinstance(expr, tree.Text):
        return quoted(expr.value)
    if isinstance(expr, tree.Unparsed):
        return expr.text
    return plain(format_expression(expr))


def plain(text: str) -> str:
    """An expression as a plain scalar: escaped and in parentheses where YAML needs that."""
    # Only quoted text inside a call can hold these: a blank there can be spelled otherwise.
    text = text.replace(": ", ":\\u0020").replace(" #", " \\u0023")
    if text[:1] in _INDICATORS or text in ("-", "?", ":"):
        return f"({text})"
    return text


def through_quotes(text: str) -> str:
    """Text for a place that looks through quotes: a layer, an input, a type, a dim."""
    if text[:1] in _INDICATORS or ": " in text or " #" in text:
        return quoted(text)
    return text


def is_flow_safe(text: str) -> bool:
    """Whether a scalar may stand inside `{ }` and `[ ]`."""
    return text.startswith('"') or not _FLOW.search(text)
