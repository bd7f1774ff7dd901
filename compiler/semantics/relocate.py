"""Reading a piece of text that stands inside another source, with its places right."""

from __future__ import annotations

import dataclasses
from typing import Any

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import parse_expression, tree


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


def _move(node: Any, source: Source, offset: int) -> Any:
    """The same tree with every span moved into another source."""
    if isinstance(node, Span):
        return Span(source, node.start + offset, node.end + offset)
    if isinstance(node, tuple):
        return tuple(_move(item, source, offset) for item in node)
    if dataclasses.is_dataclass(node) and not isinstance(node, type | Source):
        changes = {
            f.name: _move(getattr(node, f.name), source, offset)
            for f in dataclasses.fields(node)
            if f.init
        }
        return dataclasses.replace(node, **changes)
    return node
