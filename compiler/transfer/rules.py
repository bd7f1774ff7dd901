"""Rules of renaming for those who do not have them from a spec: commands and Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dlc.compiler.diagnostics.model import Collector, DiagnosticError
from dlc.compiler.semantics.rename import Rule
from dlc.compiler.semantics.rename_maps import bound_rules, read_rules
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree

_Part: TypeAlias = str | Mapping[str, Any]

__all__ = ["Rule", "rules_from"]


def rules_from(rename: _Part | Sequence[_Part]) -> tuple[Rule, ...]:
    """The rules that `transfer.rename` would have from the same values: entries by key, the
    name or path of a map, or a list of both. Raises `DiagnosticError`."""
    parts = (rename,) if isinstance(rename, str | Mapping) else rename
    found: list[Rule] = []
    for part in parts:
        found += read_rules(part) if isinstance(part, str) else _rules_of_values(part)
    return tuple(found)


def _rules_of_values(part: Mapping[str, Any]) -> tuple[Rule, ...]:
    text = repr(dict(part))
    span = Source("rename", text, "argument").whole
    collector = Collector()
    try:
        rules = bound_rules(_expression(part, span), collector)
    except DiagnosticError as problem:
        raise DiagnosticError(*collector.sorted(), *problem.diagnostics) from None
    if collector.has_errors:
        raise DiagnosticError(*collector.sorted())
    return rules


def _expression(value: Any, span: Span) -> tree.Expr:
    """A Python value as the tree of a spec would have it."""
    match value:
        case None:
            return tree.Null(span)
        case bool():
            return tree.Boolean(value, span)
        case int() | float():
            return tree.Number(value, span)
        case Mapping():
            entries = (
                tree.Entry(tree.Name(str(key), span), _expression(inner, span), span)
                for key, inner in value.items()
            )
            return tree.Mapping(tuple(entries), span)
        case list() | tuple():
            return tree.ListExpr(tuple(_expression(item, span) for item in value), span)
    return tree.Text(str(value), span)
