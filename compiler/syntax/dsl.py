"""`.dlc` text to the tree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.brackets import scan_brackets
from dlc.compiler.syntax.builder import Builder
from dlc.compiler.syntax.lexer import Lexer
from dlc.compiler.syntax.limits import TooLarge
from dlc.compiler.syntax.parser import GiveUp, Parser, Reduce
from dlc.compiler.syntax.recovery import Recovery
from dlc.compiler.syntax.table import PASS, SPLICE, Table, load


@cache
def actions(table: Table) -> tuple[Reduce | None, ...]:
    """The builder's method for each rule; None where the driver needs none."""
    return tuple(
        None if rule.action in (PASS, SPLICE) else getattr(Builder, rule.action)
        for rule in table.rules
    )


def parse_dsl(source: Source, collector: Collector) -> tree.File | None:
    """The tree of a `.dlc` text; after errors, of what could be read.

    None for a text that is nested too deep to be looked at.
    """
    table = load()
    try:
        brackets = scan_brackets(source)
    except TooLarge as stop:
        collector.add(stop.diagnostic)
        return None
    lexer = Lexer(source, table, brackets=brackets)
    builder = Builder(source, collector)
    parser = Parser(table, lexer, builder, actions(table))
    try:
        items: list[Any] = parser.run("start", Recovery(collector, brackets))
    except TooLarge as stop:
        collector.add(stop.diagnostic)
        items = _salvage(parser)
    except GiveUp:
        items = _salvage(parser)
    return _file(builder, items, tuple(_comment(source, *c) for c in lexer.comments))


def _salvage(parser: Parser) -> list[Any]:
    """The whole statements that were read before the parser gave up."""
    first = parser.values[0] if parser.values else None
    return first if isinstance(first, list) else []


def _comment(source: Source, start: int, end: int) -> tree.Comment:
    text = source.text
    end = start + len(text[start:end].rstrip())
    line_start = text.rfind("\n", 0, start) + 1
    own_line = not text[line_start:start].strip()
    return tree.Comment(text[start:end], own_line, source.span(start, end))


def _file(builder: Builder, items: list[Any], comments: tuple[tree.Comment, ...]) -> tree.File:
    def of(*kinds: type) -> Any:
        return tuple(item for item in items if isinstance(item, kinds))

    versions = of(tree.Number, tree.Missing)
    models = of(tree.ModelDecl)
    _only_one(builder, "version", versions)
    _only_one(builder, "model", models)
    return tree.File(
        builder.source,
        next((v for v in versions if isinstance(v, tree.Number)), None),
        params=of(tree.ParamDecl),
        dims=of(tree.DimDecl),
        imports=of(tree.ImportDecl),
        blocks=of(tree.BlockDecl),
        model=models[0] if models else None,
        targets=of(tree.ValueDecl),
        settings=builder.unique(of(tree.Entry)),
        comments=comments,
    )


def _only_one(builder: Builder, what: str, found: Sequence[Any]) -> None:
    for again in found[1:]:
        builder.collector.add(
            Diagnostic(
                code("E0108"),
                f"a spec has one {what}",
                Label(again.span, "a second one"),
                (Label(found[0].span, "the first"),),
                help="keep one; parts that are used several times are blocks",
            )
        )
