"""How a number is written: plain decimals, the same in both surfaces.

The shapes that other languages read differently (`017`, `0x1F`, `1_000`, `1:30`) are
refused with the spelling that is meant.
"""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Span
from dlc.compiler.syntax.limits import MAX_INTEGER, MAX_NUMBER

INTEGER: Final = re.compile(r"(?:0|[1-9][0-9]*)\Z")
FLOAT: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")


def read_number(text: str, span: Span) -> int | float | Diagnostic:
    """The value of an unsigned number, or what is wrong with its spelling."""
    if len(text) > MAX_NUMBER:
        return Diagnostic(
            code("E0110"),
            f"a number of {len(text)} characters; the limit is {MAX_NUMBER}",
            Label(span),
        )
    if INTEGER.match(text):
        value = int(text)
        if value > MAX_INTEGER:
            return _bad(text, span, "an integer goes up to 2**53", None)
        return value
    if FLOAT.match(text):
        number = float(text)
        if number == float("inf"):
            return _bad(text, span, "too large for a float; infinity is written `inf`", None)
        return number
    meant = _meant(text)
    return _bad(text, span, _why(text), meant)


def _bad(text: str, span: Span, why: str, meant: str | None) -> Diagnostic:
    fix = None
    if meant is not None:
        edit = Edit(span, meant)
        fix = Fix(f"write `{meant}`", (edit,), Applicability.UNSAFE)
    return Diagnostic(
        code("E0114"),
        f"`{text}` is not a number that can be read in one way",
        Label(span, why),
        help=f"write `{meant}`" if meant else "write a plain decimal: `12`, `0.5`, `1e-3`",
        fix=fix,
    )


def _why(text: str) -> str:
    if "_" in text:
        return "a number has no `_`"
    if re.match(r"0[xX]", text):
        return "hexadecimal is not read"
    if re.match(r"0[oObB]", text):
        return "octal and binary are not read"
    if re.match(r"0[0-9]", text):
        return "a leading zero means octal in some languages"
    if text.startswith("."):
        return "a digit is missing before the point"
    if re.match(r"[0-9]+\.(?:[eE]|\Z)", text):
        return "a digit is missing after the point"
    if re.match(r"[0-9.]*[0-9][A-Za-z]", text):
        return "letters follow the digits"
    return "expected digits, one point at most, and one exponent at most"


def _meant(text: str) -> str | None:
    """The plain spelling where there is one and it is certain."""
    try:
        if re.match(r"0[xXoObB][0-9a-fA-F]+\Z", text):
            return str(int(text, 0))
    except ValueError:
        return None
    plain = text.replace("_", "")
    if re.match(r"0[0-9]", plain):
        plain = plain.lstrip("0") or "0"
        if not plain[0].isdigit():
            plain = "0" + plain
    if plain.startswith("."):
        plain = "0" + plain
    plain = re.sub(r"\.(?=[eE]|\Z)", ".0", plain)
    return plain if FLOAT.match(plain) and plain != text else None
