"""Reading a piece of text that stands inside another source, with its places right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import parse_expression, tree

_FIELDS: Final = "__dataclass_fields__"


def parse_inside(text: str, source: Source, offset: int, collector: Collector) -> tree.Expr | None:
    """The expression that stands in `source` at `offset`. Findings point into `source`."""
    inner = Collector()
    expr = parse_expression(Source(source.name, text, "argument"), inner)
    for diagnostic in inner.sorted():
        collector.add(_move(diagnostic, source, offset))
    return None if expr is None or inner.has_errors else _move(expr, source, offset)


def parse_quoted(text: tree.Text, collector: Collector) -> tree.Expr | None:
    """The expression in a quoted scalar; None where it is none, which is reported."""
    raw = text.span.text
    start = 1 if raw[:1] in ("'", '"') and raw[1:-1] == text.value else 0
    return parse_inside(text.value, text.span.source, text.span.start + start, collector)


def unplaced(file: tree.File) -> tree.File:
    """The same tree without its text: equal trees are then alike in all that can be printed."""
    nowhere = Source(file.source.name, "", file.source.surface)
    span = nowhere.whole
    moved: tree.File = _with_spans(file, lambda _: span)
    return dataclasses.replace(moved, source=nowhere, comments=())


def _move(node: Any, source: Source, offset: int) -> Any:
    """The same tree with every span moved into another source."""
    return _with_spans(node, lambda span: Span(source, span.start + offset, span.end + offset))


def _with_spans(node: Any, change: Callable[[Span], Span]) -> Any:
    if isinstance(node, Span):
        return change(node)
    if isinstance(node, tuple):
        return tuple([_with_spans(item, change) for item in node])
    fields = None if isinstance(node, type | Source) else getattr(node, _FIELDS, None)
    if fields is None:
        return node
    values = {name: _with_spans(getattr(node, name), change) for name in fields}
    return type(node)(**values)
