"""Columns that hold one value.

Such an input says nothing about any row, and a target that never changes leaves nothing to
learn. Remedy: leave the column out.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Finding, figure, named
from dlc.runtime.data.audit.profile import Column

CODE = code("W0202")


def check(facts: Facts) -> Iterator[Finding]:
    if len(facts) < 2:
        return
    for owner in facts.owners:
        constant = [column for column in facts.of(owner) if column.constant]
        if not constant:
            continue
        names = [column.name for column in constant]
        if constant[0].target:
            yield Finding(
                code=CODE,
                message=f"the target `{owner}` is `{_value(constant[0])}` in every row",
                about=owner,
                help="there is nothing to learn from it: give rows of other kinds too",
                numbers={"columns": names},
            )
        elif len(constant) == 1:
            yield Finding(
                code=CODE,
                message=f"column `{names[0]}` is `{_value(constant[0])}` in every row",
                about=owner,
                help="leave it out: it says nothing about any row",
                numbers={"columns": names},
            )
        else:
            yield Finding(
                code=CODE,
                message=f"{len(names)} of {len(facts.of(owner))} columns of `{owner}` hold one "
                f"value in every row: {named(names)}",
                about=owner,
                help="leave them out: they say nothing about any row",
                numbers={"columns": names},
            )


def _value(column: Column) -> str:
    if column.texts:
        return column.texts[0][0]
    return figure(column.spread.low) if column.spread is not None else ""
