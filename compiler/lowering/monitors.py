"""What is watched in training is what a validation gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dlc.compiler.components.base import ComponentError
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.semantics.instantiate import blamed
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

# Where something may follow the validations, by an argument or key of this name.
_SECTIONS = ("train", "schedule", "ensemble")
_KEY = "monitor"


def check_monitors(
    settings: Mapping[str, tree.Expr], check: Callable[[str], None]
) -> Iterator[Diagnostic]:
    """What `check` raises of each name that is watched."""
    for section in _SECTIONS:
        for name, span in _watched(settings.get(section)):
            try:
                check(name)
            except ComponentError as problem:
                yield blamed(problem, span, {})


def _watched(value: tree.Expr | None) -> Iterator[tuple[str, Span]]:
    pairs: list[tuple[tree.Name | None, tree.Expr]]
    match value:
        case tree.Mapping(entries=entries):
            pairs = [(entry.key, entry.value) for entry in entries]
        case tree.Call(arguments=given):
            pairs = [(argument.name, argument.value) for argument in given]
        case tree.ListExpr(items=items):
            pairs = [(None, item) for item in items]
        case _:
            return
    for name, inner in pairs:
        if name is not None and name.text == _KEY and isinstance(inner, tree.Text):
            yield inner.value, inner.span
        else:
            yield from _watched(inner)
