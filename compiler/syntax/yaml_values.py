"""YAML nodes to expressions: what both the settings and the layers of a spec are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree, yaml_nodes
from dlc.compiler.syntax.expressions import expression_in, read
from dlc.compiler.syntax.limits import MAX_NAME
from dlc.compiler.syntax.strings import quote
from dlc.compiler.syntax.yaml_nodes import Mapping, Node, Scalar

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KINDS: Final = {Scalar: "a value", yaml_nodes.Sequence: "a list", Mapping: "a mapping"}


class Values:
    """Turns nodes into expressions and names; findings go to the collector."""

    def __init__(self, source: Source, collector: Collector) -> None:
        self.source = source
        self.collector = collector

    # ── reports ──────────────────────────────────────────────────────────────

    def span(self, node: Node) -> Span:
        return self.source.span(node.start, node.end)

    def report(
        self, number: str, message: str, span: Span, help: str | None = None, label: str = ""
    ) -> None:
        self.collector.add(Diagnostic(code(number), message, Label(span, label), help=help))

    def wrong_structure(self, node: Node, what: str, wanted: str, help: str | None = None) -> None:
        """`what` (`layers`, `from`) must be `wanted`, and is something else."""
        self.report(
            "E0115",
            f"{what} must be {wanted}, not {_KINDS[type(node)]}",
            self._head(node),
            help,
            f"{_KINDS[type(node)]} here",
        )

    def _head(self, node: Node) -> Span:
        """The place of a node, the first line of it where it is long."""
        end = self.source.text.find("\n", node.start, node.end)
        return self.source.span(node.start, node.end if end < 0 else end)

    # ── shapes of nodes ──────────────────────────────────────────────────────

    def pairs(self, node: Node, what: str, help: str | None = None) -> list[tuple[Scalar, Node]]:
        """The pairs of a mapping; none, with a report, of anything else."""
        if isinstance(node, Mapping):
            self.check_split(node)
            return [pair for pair in node.pairs if pair[0].value]
        if not is_null(node):
            self.wrong_structure(node, what, "a mapping", help)
        return []

    def items(self, node: Node, what: str, help: str | None = None) -> Sequence[Node]:
        """The items of a list; none, with a report, of anything else."""
        if isinstance(node, yaml_nodes.Sequence):
            self.check_split(node)
            return node.items
        if not is_null(node):
            self.wrong_structure(node, what, "a list", help)
        return ()

    # ── names ────────────────────────────────────────────────────────────────

    def name(self, scalar: Scalar, what: str = "a name") -> tree.Name:
        """An identifier; its text is empty where it is none, which is reported."""
        span = self.span(scalar)
        if not _NAME.match(scalar.value):
            self.report(
                "E0116",
                f"`{_short(scalar.value)}` is not {what}",
                span,
                "names are made of a-z, A-Z, 0-9 and `_`, and do not begin with a digit",
            )
            return tree.Name("", span)
        if len(scalar.value) > MAX_NAME:
            self.report(
                "E0116",
                f"a name of {len(scalar.value)} characters; the limit is {MAX_NAME}",
                span,
            )
        return tree.Name(scalar.value, span)

    def names(self, node: Node, what: str) -> tuple[tree.Name, ...]:
        """One name or a list of them."""
        if isinstance(node, Scalar):
            if is_null(node):
                self.report("E0115", f"{what} needs a name", self.span(node))
                return ()
            return (self.name(node),)
        found = []
        for item in self.items(node, what):
            if isinstance(item, Scalar):
                found.append(self.name(item))
            else:
                self.wrong_structure(item, f"an item of {what}", "a name")
        return tuple(name for name in found if name.text)

    # ── expressions ──────────────────────────────────────────────────────────

    def value(self, node: Node) -> tree.Expr:
        if isinstance(node, Scalar):
            return self.scalar(node)
        if isinstance(node, Mapping):
            return tree.Mapping(self.entries(node), self.span(node))
        self.check_split(node)
        return tree.ListExpr(tuple(self.value(item) for item in node.items), self.span(node))

    def entries(self, node: Mapping) -> tuple[tree.Entry, ...]:
        self.check_split(node)
        return tuple(self.entry(key, value) for key, value in node.pairs if key.value)

    def entry(self, key: Scalar, value: Node) -> tree.Entry:
        span = self.source.span(key.start, max(key.end, value.end))
        return tree.Entry(tree.Name(key.value, self.span(key)), self.value(value), span)

    def scalar(self, node: Scalar, rule: str = "expr") -> tree.Expr:
        """A plain scalar is an expression if it can be read as one; a quoted one is text."""
        span = self.span(node)
        if node.refused:
            return tree.Missing(span)
        if not node.plain:
            return tree.Text(node.value, span)
        if node.start == node.end:
            return tree.Null(span)
        value: Any = read(self.source, node.start, node.end, rule)
        if isinstance(value, Diagnostic):
            return tree.Unparsed(node.value, value, span)
        expr: tree.Expr = value
        return expr

    def read(self, node: Scalar, rule: str) -> Any:
        """By a start rule where nothing but that is meant; None, with a report, else.

        Quotes are looked through: `"float[N, 3]"` inside `{ }` is a type.
        """
        if node.refused:
            return None
        if not node.plain:
            return expression_in(tree.Text(node.value, self.span(node)), self.collector, rule)
        value = read(self.source, node.start, node.end, rule)
        if isinstance(value, Diagnostic):
            self.collector.add(value)
            return None
        return value

    # ── commas that split ────────────────────────────────────────────────────

    def check_split(self, node: Mapping | yaml_nodes.Sequence) -> None:
        """Find `{init: uniform(-1, 1)}`, which YAML takes for two values.

        The pieces are joined to the one value that was meant, and the rest is emptied, so
        that nobody complains about them again.
        """
        if not node.flow:
            return
        pieces = list(_plain_pieces(node))
        i = 0
        while i < len(pieces):
            depth = _open_brackets(pieces[i].value)
            j = i
            while depth > 0 and j + 1 < len(pieces):
                j += 1
                depth += _open_brackets(pieces[j].value)
            if j > i and depth == 0:
                self._report_split(pieces[i], pieces[j])
                _join(node, pieces[i : j + 1])
            i = j + 1

    def _report_split(self, first: Scalar, last: Scalar) -> None:
        span = self.source.span(first.start, last.end)
        self.collector.add(
            Diagnostic(
                code("E0104"),
                "a comma inside `{ }` or `[ ]` of YAML splits this value in two",
                Label(span),
                help="quote the value, or put it on a line of its own",
                fix=Fix("quote the value", (Edit(span, quote(span.text)),)),
            )
        )


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.value in ("", "null")


def _plain_pieces(node: Mapping | yaml_nodes.Sequence) -> Iterator[Scalar]:
    """The plain scalars directly inside, in order."""
    if isinstance(node, Mapping):
        children: Iterator[Node] = (child for pair in node.pairs for child in pair)
    else:
        children = iter(node.items)
    for child in children:
        if isinstance(child, Scalar) and child.plain:
            yield child


def _open_brackets(text: str) -> int:
    return text.count("(") - text.count(")")


def _join(node: Mapping | yaml_nodes.Sequence, pieces: list[Scalar]) -> None:
    """Make the first piece the whole value and forget the others."""
    first, rest = pieces[0], pieces[1:]
    first.end = rest[-1].end
    first.value = f"{first.value}, {', '.join(piece.value for piece in rest if piece.value)}"
    others = {id(piece) for piece in rest}
    if isinstance(node, Mapping):
        node.pairs = [pair for pair in node.pairs if id(pair[0]) not in others]
    else:
        node.items = [item for item in node.items if id(item) not in others]


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
