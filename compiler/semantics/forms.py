"""Forms of expressions: one thing written in several ways, and defaults as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlc.compiler.components.base import ArgumentSpec, Component, arguments
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def as_call(expr: tree.Expr) -> tree.Call | None:
    """An expression as a call: `relu`, `relu()`, `{relu: {...}}`, `{scale: 2}`."""
    match expr:
        case tree.Call():
            return expr
        case tree.Word(parts=(name,)):
            return tree.Call(tree.Name(name, expr.span), (), expr.span)
        case tree.Mapping(entries=(entry,)):
            return tree.Call(entry.key, call_arguments(entry.value), expr.span)
    return None


def call_arguments(value: tree.Expr) -> tuple[tree.Argument, ...]:
    """YAML structure as arguments: a scalar is one positional, a list positionals, a
    mapping named ones."""
    match value:
        case tree.Null():
            return ()
        case tree.ListExpr(items=items):
            return tuple(tree.Argument(None, item, item.span) for item in items)
        case tree.Mapping(entries=entries):
            return tuple(tree.Argument(e.key, e.value, e.span) for e in entries)
    return (tree.Argument(None, value, value.span),)


def words_in(exprs: Iterable[tree.Expr]) -> list[str]:
    """The words in expressions, each once, in no order that means anything."""
    found: dict[str, None] = {}
    pending = list(exprs)
    while pending:
        match pending.pop():
            case tree.Word() as word:
                found[word.text] = None
            case tree.Unary(operand=operand):
                pending.append(operand)
            case tree.Binary(left=left, right=right):
                pending += (left, right)
            case tree.Conditional(then=then, condition=condition, otherwise=otherwise):
                pending += (then, condition, otherwise)
            case tree.ListExpr(items=items):
                pending += items
            case tree.Call(arguments=arguments):
                pending += (argument.value for argument in arguments)
            case tree.Mapping(entries=entries):
                pending += (entry.value for entry in entries)
            case tree.Range(low=low, high=high, step=step):
                pending += (low, high) if step is None else (low, high, step)
    return list(found)


def all_steps(steps: Iterable[tree.Step]) -> Iterator[tree.Step]:
    """The steps and those inside them, in the order of the text."""
    pending = [iter(steps)]
    while pending:
        step = next(pending[-1], None)
        if step is None:
            pending.pop()
            continue
        yield step
        match step.operation:
            case tree.Repeat(body=body):
                pending.append(iter(body))
            case tree.If(then=then, otherwise=otherwise):
                pending.append(iter((*then, *(otherwise or ()))))
            case tree.Residual(body=body, shortcut=shortcut):
                pending.append(iter((*body, *(shortcut or ()))))


def default_expr(default: object, span: Span) -> tree.Expr | None:
    """A default as an expression; None for what is absent or not writable."""
    match default:
        case bool():
            return tree.Boolean(default, span)
        case int() | float():
            return tree.Number(default, span)
        case str():
            return (
                tree.Word((default,), span) if default.isidentifier() else tree.Text(default, span)
            )
        case tuple() if default:
            items = tuple(
                tree.Null(span) if item is None else default_expr(item, span) for item in default
            )
            return tree.ListExpr(tuple(i for i in items if i is not None), span)
        case Component(kind="section"):
            return tree.Mapping(
                tuple(
                    tree.Entry(tree.Name(spec.name, span), value, span)
                    for spec, value in _field_exprs(default, span)
                ),
                span,
            )
        case Component():
            return tree.Call(
                tree.Name(default.name, span),
                tuple(
                    tree.Argument(tree.Name(spec.name, span), value, span)
                    for spec, value in _field_exprs(default, span)
                ),
                span,
            )
    return None


def _field_exprs(component: Component, span: Span) -> Iterator[tuple[ArgumentSpec, tree.Expr]]:
    for spec in arguments(type(component)).values():
        value = default_expr(getattr(component, spec.field), span)
        if value is not None:
            yield spec, value
