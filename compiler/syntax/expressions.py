"""One expression, flow, type or range, read in place out of a larger text.

YAML scalars, `--set` values and the text inside quotes all come through here. Plain
numbers and words, nine scalars of ten, are read without the parser.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.builder import Builder
from dlc.compiler.syntax.dsl import actions
from dlc.compiler.syntax.lexer import Lexer
from dlc.compiler.syntax.limits import MAX_NAME, TooLarge
from dlc.compiler.syntax.numbers import read_number
from dlc.compiler.syntax.parser import GiveUp, Parser
from dlc.compiler.syntax.recovery import Recovery
from dlc.compiler.syntax.table import load

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_NUMBER: Final = re.compile(r"(-?)((?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\Z")
_SPECIAL: Final = frozenset({"true", "false", "null", "inf", "not"})
# Read as times of day, special floats or nothing by other readers of YAML.
_FOREIGN: Final = (
    (re.compile(r"[-+]?[0-9]+(?::[0-9]+)+(?:\.[0-9]*)?\Z"), "base 60 is not read", None),
    (re.compile(r"\+?\.(?:inf|Inf|INF)\Z"), "infinity is a word", "inf"),
    (re.compile(r"-\.(?:inf|Inf|INF)\Z"), "infinity is a word", "-inf"),
    (re.compile(r"\.(?:nan|NaN|NAN)\Z"), "no setting can be NaN", None),
)


def read(source: Source, start: int, end: int, rule: str) -> Any:
    """The value of `source.text[start:end]` by a start rule, or the first Diagnostic."""
    text = source.text[start:end]
    if rule != "tensor_type":
        simple = _read_simple(text, source.span(start, end))
        if simple is not None:
            return _as_flow(simple) if rule == "flow" else simple
    return _parse(source, start, end, rule)


def _read_simple(text: str, span: Span) -> tree.Expr | Diagnostic | None:
    """A plain number or word; None where the parser is needed."""
    if _WORD.match(text):
        if text in _SPECIAL or len(text) > MAX_NAME:
            return _SPECIAL_NODES[text](span) if text in _SPECIAL_NODES else None
        return tree.Word(tuple(text.split(".")), span)
    found = _NUMBER.match(text)
    if found is None:
        return None
    value = read_number(found.group(2), span)
    if isinstance(value, Diagnostic):
        return value
    return tree.Number(-value if found.group(1) else value, span)


_SPECIAL_NODES: Final[dict[str, Any]] = {
    "true": lambda span: tree.Boolean(True, span),
    "false": lambda span: tree.Boolean(False, span),
    "null": tree.Null,
    "inf": lambda span: tree.Number(float("inf"), span),
}


def _as_flow(value: tree.Expr | Diagnostic) -> list[tree.Step] | Diagnostic:
    if isinstance(value, Diagnostic):
        return value
    if isinstance(value, tree.Word) and len(value.parts) == 1:
        call = tree.Call(tree.Name(value.parts[0], value.span), (), value.span)
        return [tree.Step(None, call, span=value.span)]
    return [tree.Step((value,), None, span=value.span)]


def _parse(source: Source, start: int, end: int, rule: str) -> Any:
    findings = Collector()
    table = load()
    lexer = Lexer(source, table, start, end, inline=True)
    parser = Parser(table, lexer, Builder(source, findings), actions(table))
    value = None
    try:
        value = parser.run(rule, Recovery(findings, limit=1))
    except TooLarge as stop:
        return stop.diagnostic
    except GiveUp:
        pass
    first = next(iter(findings.sorted()), None)
    if first is not None:
        return _foreign(source.span(start, end)) or first
    return value


def _foreign(span: Span) -> Diagnostic | None:
    for pattern, why, meant in _FOREIGN:
        if pattern.match(span.text):
            return Diagnostic(
                code("E0114"),
                f"`{span.text}` is not a number that can be read in one way",
                Label(span, why),
                help=f"write `{meant}`" if meant else "write a plain decimal, or quote text",
            )
    return None


def parse_expression(source: Source, collector: Collector, start: str = "expr") -> Any:
    """The whole source by a start rule (`expr`, `range`, `tensor_type`, `flow`), or None."""
    text = source.text
    begin = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    if begin >= end:
        where = Label(source.span(0, len(text)))
        collector.add(Diagnostic(code("E0101"), "expected a value here, not nothing", where))
        return None
    value = read(source, begin, end, start)
    if isinstance(value, Diagnostic):
        collector.add(value)
        return None
    return value


def expression_in(text: tree.Text, collector: Collector, start: str = "expr") -> Any:
    """What a quoted text says as an expression, for the places that want one.

    YAML needs quotes round a call inside `[ ]` (`[lowercase, "word(a=1, b=2)"]`). The
    places are exact where the text stands unescaped between its quotes; else they are
    those of a source of its own.
    """
    span = text.span
    inner = span.source.text[span.start + 1 : span.end - 1]
    if inner == text.value and span.end - span.start >= 2:
        source, begin, end = span.source, span.start + 1, span.end - 1
    else:
        source = Source(span.source.name, text.value, "argument")
        begin, end = 0, len(text.value)
    value = read(source, begin, end, start) if text.value.strip() else None
    if value is None:
        value = Diagnostic(code("E0101"), "expected a value here, not an empty text", Label(span))
    if isinstance(value, Diagnostic):
        collector.add(value)
        return None
    return value
