"""Binding: every argument by name, every value in the form that its place wants.

`4` in `linear: 4` becomes `out_features=4`; `{adamw: {lr: 1e-3}}` becomes the call
`adamw(lr=1e-3)`; `data/x.csv` in a text place becomes a text. What two surfaces, or two
ways of writing, say alike is equal afterwards. Binding is idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import (
    AnyType,
    ArgumentType,
    ComponentType,
    ListType,
    MappingType,
    ReferenceType,
    TextType,
    UnionType,
    WordType,
)
from dlc.compiler.components.base import ArgumentSpec, Component, arguments
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import (
    Applicability,
    Collector,
    Diagnostic,
    Edit,
    Fix,
    Label,
)
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.semantics.evaluate import describe
from dlc.compiler.semantics.forms import as_call, default_expr
from dlc.compiler.semantics.options import choose
from dlc.compiler.semantics.relocate import parse_quoted
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def similar(
    number: str,
    what: str,
    name: str,
    span: Span,
    candidates: Iterable[str],
    kind: str,
    *,
    label: str = "",
    secondary: tuple[Label, ...] = (),
    otherwise: str | None = None,
) -> Diagnostic:
    """`what` has no `name`: with the nearest name as help and as a fix, where there is one."""
    near, help = did_you_mean(name, tuple(candidates), kind)
    fix = None
    if near is not None and span.text == name:
        fix = Fix(f"write `{near}`", (Edit(span, near),), Applicability.SAFE)
    return Diagnostic(code(number), what, Label(span, label), secondary, (), help or otherwise, fix)


class Binder:
    """Binds values; findings go to the collector, and what cannot be bound stays as it is.

    `known` are the spec's parameters: a word in a place for a number or a text is a number
    where it is one of them.
    """

    def __init__(self, collector: Collector, known: frozenset[str] = frozenset()) -> None:
        self.collector = collector
        self.known = known

    def report(
        self,
        number: str,
        message: str,
        span: Span,
        label: str = "",
        help: str | None = None,
        secondary: tuple[Label, ...] = (),
    ) -> None:
        self.collector.add(
            Diagnostic(code(number), message, Label(span, label), secondary, (), help)
        )

    # ── calls ────────────────────────────────────────────────────────────────

    def call(
        self,
        call: tree.Call,
        component: type[Component],
        extra: Sequence[str] = (),
        *,
        noun: str | None = None,
    ) -> tree.Call:
        """The call with every argument named, in declared order, defaults written out.

        `extra` are further keywords that the place allows: ports, shared parameters.
        """
        table = arguments(component)
        positional = [spec for spec in table.values() if spec.positional]
        given: dict[str, tree.Argument] = {}
        rest: list[tree.Argument] = []
        misspelt: set[str] = set()
        name = call.name.text
        for argument in call.arguments:
            if isinstance(argument.value, tree.Missing):
                # What stood here was reported; it may have been any of them.
                misspelt.update((argument.name.text,) if argument.name else table)
                continue
            if argument.name is None:
                rest.append(argument)
                continue
            key = argument.name.text
            if key not in table and key not in extra:
                public = [*table, *extra]
                misspelt.add(did_you_mean(key, public, "argument").word or "")
                self.collector.add(
                    similar(
                        "E0205",
                        f"`{name}` has no argument `{key}`",
                        key,
                        argument.name.span,
                        public,
                        "argument",
                        otherwise=_takes(name, public),
                    )
                )
            elif key in given:
                self.report(
                    "E0306",
                    f"`{key}` is given twice",
                    argument.span,
                    help="keep one of them",
                    secondary=(Label(given[key].span, "first given here"),),
                )
            else:
                given[key] = argument
        self._positional(call, component, positional, rest, given)
        bound: list[tree.Argument] = []
        for key, spec in table.items():
            if key in given:
                value = self.value(spec.type, given[key].value, key)
                argument = given[key]
                bound.append(tree.Argument(_name(key, argument), value, argument.span))
            elif spec.required:
                # What was misspelt is there: one finding is enough.
                if key not in misspelt:
                    self._missing(call, spec, noun or name)
            elif (default := self.default(spec, call.span)) is not None:
                bound.append(tree.Argument(tree.Name(key, call.span), default, call.span))
        for key in extra:
            if key in given and key not in table:
                bound.append(replace(given[key], value=self._reference(given[key].value)))
        return tree.Call(call.name, tuple(bound), call.span)

    def _missing(self, call: tree.Call, spec: ArgumentSpec, noun: str) -> None:
        meaning = f": {spec.doc}" if spec.doc else ""
        self.report(
            "E0303",
            f"`{noun}` needs `{spec.name}`",
            call.name.span,
            f"expected {spec.type.describe()}",
            help=f"`{spec.name}` is required{meaning}",
        )

    def _positional(
        self,
        call: tree.Call,
        component: type[Component],
        positional: list[ArgumentSpec],
        rest: list[tree.Argument],
        given: dict[str, tree.Argument],
    ) -> None:
        name = call.name.text
        if component.variadic is not None and rest:
            items = tuple(argument.value for argument in rest)
            span = rest[0].span.to(rest[-1].span)
            single = len(items) == 1 and isinstance(items[0], tree.ListExpr)
            value = items[0] if single else tree.ListExpr(items, span)
            given.setdefault(component.variadic, tree.Argument(None, value, span))
            return
        for index, argument in enumerate(rest):
            if index >= len(positional):
                names = ", ".join(f"`{spec.name}`" for spec in positional) or "none"
                self.report(
                    "E0305",
                    f"`{name}` takes at most {len(positional)} positional "
                    f"argument{'s' if len(positional) != 1 else ''}, got {len(rest)}",
                    argument.span,
                    help=f"positional arguments, in order: {names}",
                )
                return
            key = positional[index].name
            if key in given:
                self.report(
                    "E0306",
                    f"`{key}` is given twice",
                    given[key].span,
                    help="give it by position or by name, not both",
                    secondary=(Label(argument.span, f"this is `{key}` too, by position"),),
                )
                continue
            given[key] = argument

    def block_call(self, call: tree.Call, block: tree.BlockDecl, flowing: int) -> tree.Call:
        """A block's call: parameters by position or name; so many inputs flow in, those
        after them are given by name."""
        params = {param.name.text: param for param in block.params}
        ports = [decl.name.text for decl in block.inputs[flowing:]]
        given: dict[str, tree.Argument] = {}
        flowed = {decl.name.text for decl in block.inputs[:flowing]}
        order = list(params)
        position = 0
        misspelt: set[str] = set()
        for argument in call.arguments:
            if isinstance(argument.value, tree.Missing):
                continue
            if argument.name is None:
                if position >= len(order):
                    self.report(
                        "E0305",
                        f"`{block.name}` takes {len(order)} positional "
                        f"argument{'s' if len(order) != 1 else ''}",
                        argument.span,
                        help="its parameters, in order: "
                        + (", ".join(f"`{p}`" for p in order) or "none"),
                        secondary=(Label(block.name.span, "declared here"),),
                    )
                    misspelt.update(params, ports)
                    break
                key = order[position]
                position += 1
            else:
                key = argument.name.text
            if key in flowed and key not in params:
                self.report(
                    "E0306",
                    f"the input `{key}` is given twice",
                    argument.span,
                    help="let it flow in or give it by name, not both",
                )
            elif key not in params and key not in ports:
                assert argument.name is not None
                misspelt.add(did_you_mean(key, [*params, *ports], "parameter").word or "")
                self.collector.add(
                    similar(
                        "E0205",
                        f"`{block.name}` has no parameter or input `{key}`",
                        key,
                        argument.name.span,
                        [*params, *ports],
                        "parameter",
                        secondary=(Label(block.name.span, "declared here"),),
                        otherwise=_takes(block.name.text, [*params, *ports]),
                    )
                )
            elif key in given:
                self.report(
                    "E0306",
                    f"`{key}` is given twice",
                    argument.span,
                    help="keep one of them",
                    secondary=(Label(given[key].span, "first given here"),),
                )
            else:
                given[key] = argument
        bound: list[tree.Argument] = []
        for key, param in params.items():
            if key in given:
                bound.append(replace(given[key], name=_name(key, given[key])))
            elif param.default is not None:
                # Left out, not written out: it may speak of the block's own parameters.
                continue
            elif key not in misspelt:
                wanted = f"expected a value of type `{param.type}`" if param.type else ""
                self.report(
                    "E0303",
                    f"`{block.name}` needs `{key}`",
                    call.name.span,
                    wanted,
                    help=f"write `{block.name}({key}=...)`",
                    secondary=(Label(param.span, "declared here, without a default"),),
                )
        for key in ports:
            if key in given:
                bound.append(replace(given[key], value=self._reference(given[key].value)))
            elif key not in misspelt:
                self.report(
                    "E0303",
                    f"`{block.name}` needs its input `{key}`",
                    call.name.span,
                    help=f"give it by name: `{block.name}({key}=...)`",
                    secondary=(Label(block.name.span, "declared here"),),
                )
        return replace(call, arguments=tuple(bound))

    def default(self, spec: ArgumentSpec, span: Span) -> tree.Expr | None:
        """A default as its place would read it; None for what is absent."""
        expr = default_expr(spec.default, span)
        return None if expr is None else self.value(spec.type, expr, spec.name)

    # ── values ───────────────────────────────────────────────────────────────

    def value(self, wanted: ArgumentType, expr: tree.Expr, key: str) -> tree.Expr:
        """The expression in the form that a place of this type wants."""
        match wanted:
            case TextType():
                return self._text(expr)
            case ReferenceType(kinds=kinds):
                return self._text(expr) if "column" in kinds else self._reference(expr)
            case WordType():
                if isinstance(expr, tree.Text):
                    return tree.Word(tuple(expr.value.split(".")), expr.span)
                return self._plain(expr)
            case ListType(item=item, length=length):
                if isinstance(expr, tree.ListExpr):
                    items = tuple(self.value(item, e, key) for e in expr.items)
                    return tree.ListExpr(items, expr.span)
                if length is None and not isinstance(expr, tree.Null):
                    return tree.ListExpr((self.value(item, expr, key),), expr.span)
                return self._plain(expr)
            case MappingType(value=value):
                return self._mapping(value, expr, key)
            case ComponentType(kind="section", name=name):
                assert name is not None
                return self.section(expr, name, key)
            case ComponentType(kind=kind):
                return self.component(expr, kind)
            case UnionType(options=options):
                return self.value(choose(options, expr, self.known), expr, key)
            case AnyType():
                return expr
            case _:
                return self._plain(expr)

    def _plain(self, expr: tree.Expr) -> tree.Expr:
        if isinstance(expr, tree.Unparsed):
            self.collector.add(expr.problem)
            return tree.Missing(expr.span)
        return expr

    def _text(self, expr: tree.Expr) -> tree.Expr:
        match expr:
            case tree.Text() | tree.Missing() | tree.Mapping() | tree.ListExpr() | tree.Null():
                return expr
            case tree.Unparsed(text=text):
                return tree.Text(text, expr.span)
            case tree.Word(parts=parts):
                return tree.Text(".".join(parts), expr.span)
            case _:
                return tree.Text(" ".join(expr.span.text.split()), expr.span)

    def _reference(self, expr: tree.Expr) -> tree.Expr:
        if isinstance(expr, tree.Text):
            return tree.Word(tuple(expr.value.split(".")), expr.span)
        return self._plain(expr)

    def _mapping(self, value: ArgumentType, expr: tree.Expr, key: str) -> tree.Expr:
        if not isinstance(expr, tree.Mapping):
            return self._structure(expr, key, "keys with values: `{name: value}`")
        entries = tuple(
            replace(entry, value=self.value(value, entry.value, entry.key.text))
            for entry in expr.entries
        )
        return tree.Mapping(entries, expr.span)

    def _structure(self, expr: tree.Expr, key: str, wanted: str) -> tree.Expr:
        if isinstance(expr, tree.Unparsed):
            return self._plain(expr)
        if not isinstance(expr, tree.Missing):
            self.report("E0115", f"`{key}` holds {wanted}, got {describe(expr)}", expr.span)
        return tree.Missing(expr.span)

    # ── components and sections ──────────────────────────────────────────────

    def component(self, expr: tree.Expr, kind: str) -> tree.Expr:
        """A call of a component of a kind: from `adamw(lr=1)`, `adamw`, `{adamw: {lr: 1}}`."""
        if isinstance(expr, tree.Text):
            # A call in quotes, where YAML's own commas would have split it.
            inner = parse_quoted(expr, self.collector)
            if inner is None:
                return tree.Missing(expr.span)
            expr = inner
        call = as_call(expr)
        if call is None:
            article = "an" if kind[0] in "aeiou" else "a"
            return self._structure(expr, kind, f"the name of {article} {kind}, or a call of one")
        try:
            component = registry.load(kind, call.name.text)
        except registry.UnknownComponent:
            self.collector.add(
                similar(
                    "E0210",
                    f"no {kind} is called `{call.name}`",
                    call.name.text,
                    call.name.span,
                    registry.names(kind),
                    kind,
                    otherwise=f"`dlc ops --kind {kind}` lists them",
                )
            )
            return tree.Missing(expr.span)
        return self.call(call, component)

    def section(self, expr: tree.Expr, name: str, key: str) -> tree.Expr:
        """A section's keys in declared order, values bound, defaults written out."""
        component = registry.load("section", name)
        if isinstance(expr, tree.Null):
            expr = tree.Mapping((), expr.span)
        if not isinstance(expr, tree.Mapping):
            return self._structure(expr, key, "keys with values: `{key: value}`")
        table = arguments(component)
        given: dict[str, tree.Entry] = {}
        misspelt: set[str] = set()
        for entry in expr.entries:
            if entry.key.text in table:
                given[entry.key.text] = entry
                continue
            misspelt.add(did_you_mean(entry.key.text, table, "key").word or "")
            self.collector.add(
                similar(
                    "E0206",
                    f"`{key}` has no key `{entry.key}`",
                    entry.key.text,
                    entry.key.span,
                    table,
                    "key",
                    otherwise=_takes(key, table),
                )
            )
        entries: list[tree.Entry] = []
        for field, spec in table.items():
            if field in given:
                bound = self.value(spec.type, given[field].value, field)
                entries.append(replace(given[field], value=bound))
            elif spec.required:
                if field in misspelt:
                    continue
                self.report(
                    "E0303",
                    f"`{key}` needs `{field}`",
                    expr.span if len(expr.span.text.splitlines()) <= 1 else _head(expr),
                    f"expected {spec.type.describe()}",
                    help=f"`{field}` is required" + (f": {spec.doc}" if spec.doc else ""),
                )
            elif (default := self.default(spec, expr.span)) is not None:
                entries.append(tree.Entry(tree.Name(field, expr.span), default, expr.span))
        return tree.Mapping(tuple(entries), expr.span)


def _name(key: str, argument: tree.Argument) -> tree.Name:
    return argument.name or tree.Name(key, argument.span)


def _takes(name: str, keys: Iterable[str]) -> str:
    shown = ", ".join(f"`{key}`" for key in keys)
    return f"`{name}` takes {shown}" if shown else f"`{name}` takes none"


def _head(expr: tree.Mapping) -> Span:
    return expr.entries[0].key.span if expr.entries else expr.span
