"""From bound calls to components: every value computed and checked.

Each finding points at the value that is to blame, even where that is a default or a
parameter declared elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import (
    AnyType,
    ArgumentType,
    BoolType,
    ComponentType,
    DimType,
    FloatType,
    IntType,
    ListType,
    MappingType,
    Mismatch,
    NullType,
    ReferenceType,
    TextType,
    UnionType,
    WordType,
)
from dlc.compiler.components.base import Component, ComponentError, arguments
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Edit, Fix, Label
from dlc.compiler.diagnostics.suggest import did_you_mean, listed
from dlc.compiler.record import record
from dlc.compiler.semantics.evaluate import describe, evaluate, show
from dlc.compiler.semantics.scope import Scope, error
from dlc.compiler.syntax import tree


@record
class Context:
    """Where values are computed: the names in scope, and by kind ("output", "target",
    "input", "dim", ...) the names that a reference may give. A kind that is not in
    `known` is not checked here."""

    scope: Scope
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)


def instantiate(
    call: tree.Call | tree.Mapping,
    component: type[Component],
    context: Context,
    skip: frozenset[str] = frozenset(),
) -> Component:
    """The component of a bound call or section. Raises `DiagnosticError` with every
    finding in its arguments. `skip` are arguments that are no fields (ports)."""
    table = arguments(component)
    problems: list[Diagnostic] = []
    values: dict[str, Any] = {}
    places: dict[str, tree.Expr] = {}
    pairs: list[tuple[str, tree.Expr]]
    if isinstance(call, tree.Call):
        pairs = [(a.name.text, a.value) for a in call.arguments if a.name is not None]
    else:
        pairs = [(e.key.text, e.value) for e in call.entries]
    for name, expr in pairs:
        if name in skip or name not in table:
            continue
        places[name] = expr
        try:
            values[name] = value(table[name].type, expr, context, name)
        except DiagnosticError as problem:
            if not problem.diagnostics:
                raise
            problems.extend(problem.diagnostics)
    if problems:
        raise DiagnosticError(*problems)
    if any(spec.required and spec.name not in values for spec in table.values()):
        # Binding has reported it.
        raise DiagnosticError()
    made = component(**{table[name].field: found for name, found in values.items()})
    try:
        made.validate()
    except ComponentError as problem:
        at = call.name.span if isinstance(call, tree.Call) else call.span
        raise DiagnosticError(blamed(problem, at, places)) from None
    return made


def blamed(
    problem: ComponentError, at: Any, places: Mapping[str, tree.Expr], **more: Any
) -> Diagnostic:
    """A component's complaint at the argument it blames, else at `at`."""
    expr = places.get(problem.blame or "")
    span = at if expr is None else expr.span
    return Diagnostic(code(problem.code), problem.message, Label(span), help=problem.help, **more)


def value(wanted: ArgumentType, expr: tree.Expr, context: Context, name: str) -> Any:
    """The value of a bound expression for a place. Raises `DiagnosticError`."""
    match wanted:
        case ComponentType():
            return _component(wanted, expr, context, name)
        case UnionType(options=options):
            return _union(options, wanted, expr, context, name)
        case ListType(item=item, length=length) if isinstance(expr, tree.ListExpr):
            if length is not None and len(expr.items) != length:
                raise _mismatch(Mismatch(wanted.describe(), bound=True), expr, name, context)
            return tuple(value(item, element, context, name) for element in expr.items)
        case ListType():
            return _checked(wanted, evaluate(expr, context.scope), expr, name, context)
        case MappingType(value=inner) if isinstance(expr, tree.Mapping):
            return {e.key.text: value(inner, e.value, context, e.key.text) for e in expr.entries}
        case MappingType():
            raise _mismatch(Mismatch(wanted.describe()), expr, name, context)
        case ReferenceType(kinds=kinds):
            return _reference(kinds, wanted, expr, context, name)
        case WordType(words=words):
            if isinstance(expr, tree.Word) and (
                expr.text in words or not context.scope.find(expr.text)[0]
            ):
                return _checked(wanted, expr.text, expr, name, context)
            return _checked(wanted, evaluate(expr, context.scope), expr, name, context)
        case TextType():
            if isinstance(expr, tree.Text):
                return expr.value
            raise _mismatch(Mismatch(wanted.describe()), expr, name, context)
        case NullType():
            if isinstance(expr, tree.Null):
                return None
            raise _mismatch(Mismatch(wanted.describe()), expr, name, context)
        case AnyType():
            return _any(expr, context)
        case _:
            return _checked(wanted, _computed(expr, context, name, wanted), expr, name, context)


def _computed(expr: tree.Expr, context: Context, name: str, wanted: ArgumentType) -> Any:
    if isinstance(expr, tree.Number | tree.Boolean):
        return expr.value
    if isinstance(expr, tree.Word) and not context.scope.find(expr.text)[0]:
        raise _not_a_value(expr, context, name, wanted)
    if isinstance(expr, tree.Call | tree.Mapping | tree.Range | tree.Rest):
        raise _mismatch(Mismatch(wanted.describe()), expr, name, context)
    return evaluate(expr, context.scope)


_YAML_BOOLS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _not_a_value(
    word: tree.Word, context: Context, name: str, wanted: ArgumentType
) -> DiagnosticError:
    text = word.text
    if isinstance(wanted, BoolType) and text.lower() in (*_YAML_BOOLS, "true", "false"):
        meant = _YAML_BOOLS.get(text.lower(), text.lower())
        return error(
            "E0301",
            f"`{name}` wants `true` or `false`, got the word `{text}`",
            word.span,
            help=f"write `{meant}`",
            fix=Fix(f"write `{meant}`", (Edit(word.span, meant),)),
        )
    names = set(context.scope.all_names())
    _, help = did_you_mean(text, names, "name")
    return error(
        "E0202",
        f"nothing is called `{text}` here",
        word.span,
        f"`{name}` wants {wanted.describe()}",
        help=help or (f"names in scope: {listed(names)}" if names else "declare it in `params`"),
    )


def _checked(wanted: ArgumentType, found: Any, expr: tree.Expr, name: str, context: Context) -> Any:
    try:
        return wanted.check(found)
    except Mismatch as mismatch:
        raise _mismatch(mismatch, expr, name, context, found) from None


def _mismatch(
    mismatch: Mismatch, expr: tree.Expr, name: str, context: Context, found: Any = ...
) -> DiagnosticError:
    got = describe(expr) if found is ... else show(found)
    if isinstance(expr, tree.Word | tree.Binary | tree.Conditional) and found is not ...:
        got = show(found)
    if isinstance(expr, tree.Unparsed):
        return DiagnosticError(expr.problem)
    if isinstance(expr, tree.Missing):
        return DiagnosticError()
    word = expr.text if isinstance(expr, tree.Word) else found
    if mismatch.words and isinstance(word, str):
        _, help = did_you_mean(word, mismatch.words, "word")
        return error(
            "E0304",
            f"`{name}` does not take `{word}`",
            expr.span,
            f"expected {mismatch.expected}",
            help=help or f"write {mismatch.expected}",
        )
    return error(
        "E0302" if mismatch.bound else "E0301",
        f"`{name}` wants {mismatch.expected}, got {got}",
        expr.span,
        help=_type_help(expr, mismatch.expected),
    )


def _type_help(expr: tree.Expr, expected: str) -> str | None:
    if isinstance(expr, tree.Text) and not expected.startswith(("a text", "a path", "the name")):
        return f"write {expr.value} without quotes" if _numeric(expr.value) else None
    if isinstance(expr, tree.Binary) and expr.operator == "/" and "whole number" in expected:
        return "`/` gives a fraction; `//` divides whole numbers and leaves the rest out"
    return None


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _component(wanted: ComponentType, expr: tree.Expr, context: Context, name: str) -> Any:
    if wanted.kind == "section":
        assert wanted.name is not None
        if isinstance(expr, tree.Mapping):
            return instantiate(expr, registry.load("section", wanted.name), context)
    elif isinstance(expr, tree.Call):
        try:
            component = registry.load(wanted.kind, expr.name.text)
        except registry.UnknownComponent:
            raise DiagnosticError() from None
        return instantiate(expr, component, context)
    raise _mismatch(Mismatch(wanted.describe()), expr, name, context)


def _union(
    options: tuple[ArgumentType, ...],
    wanted: UnionType,
    expr: tree.Expr,
    context: Context,
    name: str,
) -> Any:
    match expr:
        case tree.Null():
            return _checked(wanted, None, expr, name, context)
        case tree.Call():
            for option in options:
                if isinstance(option, ComponentType) and expr.name.text in registry.names(
                    option.kind
                ):
                    return value(option, expr, context, name)
        case tree.Mapping():
            for option in options:
                if isinstance(option, MappingType) or (
                    isinstance(option, ComponentType) and option.kind == "section"
                ):
                    return value(option, expr, context, name)
        case tree.ListExpr():
            lists = [o for o in options if isinstance(o, ListType)]
            exact = [o for o in lists if o.length in (None, len(expr.items))]
            if lists:
                return value((exact or lists)[0], expr, context, name)
        case tree.Text():
            for option in options:
                if isinstance(option, TextType | ReferenceType):
                    return value(option, expr, context, name)
        case tree.Word():
            words = [o for o in options if isinstance(o, WordType)]
            references = [o for o in options if isinstance(o, ReferenceType)]
            numbers = any(isinstance(o, IntType | FloatType | DimType | BoolType) for o in options)
            if any(expr.text in o.words for o in words):
                return expr.text
            if references:
                return value(references[0], expr, context, name)
            if words and not context.scope.find(expr.text)[0]:
                every = tuple(word for option in words for word in option.words)
                if not numbers:
                    return value(WordType(every), expr, context, name)
                raise _mismatch(Mismatch(wanted.describe(), words=every), expr, name, context)
    if isinstance(expr, tree.Word) and not context.scope.find(expr.text)[0]:
        raise _not_a_value(expr, context, name, wanted)
    return _checked(wanted, _computed(expr, context, name, wanted), expr, name, context)


def _reference(
    kinds: tuple[str, ...], wanted: ReferenceType, expr: tree.Expr, context: Context, name: str
) -> str:
    if isinstance(expr, tree.Text):
        return expr.value
    if not isinstance(expr, tree.Word):
        raise _mismatch(Mismatch(wanted.describe()), expr, name, context)
    if any(kind not in context.known for kind in kinds):
        return expr.text
    candidates = frozenset[str]().union(*(context.known[kind] for kind in kinds))
    if expr.text in candidates:
        return expr.text
    other = next((k for k, names in context.known.items() if expr.text in names), None)
    if other is not None:
        article = "an" if other[0] in "aeiou" else "a"
        raise error(
            "E0216",
            f"`{name}` wants {wanted.describe()}, and `{expr.text}` is {article} {other}",
            expr.span,
            help=f"its {kinds[0]}s: {listed(candidates)}" if candidates else None,
        )
    _, help = did_you_mean(expr.text, candidates, kinds[0])
    raise error(
        "E0202",
        f"no {' or '.join(kinds)} is called `{expr.text}`",
        expr.span,
        help=help
        or (f"there are {listed(candidates)}" if candidates else f"declare the {kinds[0]}"),
    )


def _any(expr: tree.Expr, context: Context) -> Any:
    match expr:
        case tree.Word():
            found, known = context.scope.find(expr.text)
            return known if found else expr.text
        case tree.ListExpr(items=items):
            return tuple(_any(item, context) for item in items)
        case _:
            return evaluate(expr, context.scope)
