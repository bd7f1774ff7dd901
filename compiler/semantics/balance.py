"""Writing numbers where a spec says `balanced`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dlc.compiler.syntax import tree

_WORD = "balanced"


def with_factors(spec: tree.File, factors: Sequence[Sequence[float]]) -> tree.File:
    """The bound spec with numbers for each argument of a loss that is `balanced`, in the order
    in which the losses are written."""
    left = iter(factors)
    settings = tuple(
        replace(entry, value=_filled(entry.value, left)) if entry.key.text == "loss" else entry
        for entry in spec.settings
    )
    return replace(spec, settings=settings)


def _filled(expr: tree.Expr, factors: Iterator[Sequence[float]]) -> tree.Expr:
    match expr:
        case tree.Call():
            return replace(
                expr, arguments=tuple(_argument(item, factors) for item in expr.arguments)
            )
        case tree.Binary():
            left = _filled(expr.left, factors)
            return replace(expr, left=left, right=_filled(expr.right, factors))
        case tree.Unary():
            return replace(expr, operand=_filled(expr.operand, factors))
        case _:
            return expr


def _argument(argument: tree.Argument, factors: Iterator[Sequence[float]]) -> tree.Argument:
    value = argument.value
    if isinstance(value, tree.ListExpr):
        inner = tuple(_filled(item, factors) for item in value.items)
        return replace(argument, value=replace(value, items=inner))
    if not isinstance(value, tree.Word) or value.text != _WORD:
        return argument
    items = tuple(tree.Number(number, value.span) for number in next(factors))
    return replace(argument, value=tree.ListExpr(items, value.span))
