"""Text to the syntax tree, and back.

`parse` reads either surface into the same `tree.File`; `format.format_file` prints a tree
as either. Nothing here raises on any text: findings go into the collector.
"""

from __future__ import annotations

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.text import check_text, check_version


def parse(source: Source, collector: Collector) -> tree.File | None:
    """The tree of a spec or file of blocks; of what could be read where there are errors.

    None where nothing usable is left.
    """
    if not check_text(source, collector):
        return None
    file: tree.File | None
    if source.surface == "dlc":
        from dlc.compiler.syntax.dsl import parse_dsl

        file = parse_dsl(source, collector)
    else:
        from dlc.compiler.syntax.yaml import parse_yaml

        file = parse_yaml(source, collector)
    if file is not None:
        check_version(file, collector)
    return file


def parse_expression(source: Source, collector: Collector, start: str = "expr") -> tree.Expr | None:
    """The whole of a source as one expression (`start="range"`: or as a range), else None."""
    from dlc.compiler.syntax.expressions import parse_expression

    if not check_text(source, collector):
        return None
    expr: tree.Expr | None = parse_expression(source, collector, start)
    return expr


def parse_type(source: Source, collector: Collector) -> tree.TypeExpr | None:
    """The whole of a source as a type, `float[N, 3]`, else None."""
    from dlc.compiler.syntax.expressions import parse_expression

    if not check_text(source, collector):
        return None
    kind: tree.TypeExpr | None = parse_expression(source, collector, "tensor_type")
    return kind


def expression_in(text: tree.Text, collector: Collector) -> tree.Expr | None:
    """What a quoted text says as an expression, for the places that want one, else None."""
    from dlc.compiler.syntax.expressions import expression_in

    expr: tree.Expr | None = expression_in(text, collector)
    return expr


__all__ = ["expression_in", "parse", "parse_expression", "parse_type"]
