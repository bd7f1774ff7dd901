"""Missing values that nothing fills.

A network has no number for what is not there: training stops at the first of them. Remedy:
the step `impute` puts a number there, fitted on the training part; `data.where` leaves such
rows out; a column that is mostly empty is better left out itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Finding, counted, figure, named, share

CODE = code("W0201")


def check(facts: Facts) -> Iterator[Finding]:
    for owner in facts.owners:
        columns = [column for column in facts.of(owner) if column.missing]
        steps = facts.compilation.settings.preprocess.get(owner, ())
        if not columns or (steps and steps[0].missing):
            continue
        total = sum(column.missing for column in columns)
        worst = max(columns, key=lambda column: column.missing)
        first = min(column.first_missing or 0 for column in columns)
        where = f"column `{worst.name}`" if len(columns) == 1 else f"{len(columns)} columns"
        target = columns[0].target
        notes = [f"the first is in row {first:,}"]
        if len(columns) > 1:
            most = sorted(columns, key=lambda column: -column.missing)
            notes = [
                f"most in {named([c.name for c in most], 3)}: {figure(worst.missing)} of "
                f"{worst.rows:,} rows in `{worst.name}`",
                *notes,
            ]
        yield Finding(
            code=CODE,
            message=f"{counted(total, 'value')} of {where} "
            f"{'is' if total == 1 else 'are'} missing"
            + (f" ({share(total, worst.rows)})" if len(columns) == 1 else ""),
            about=owner,
            notes=tuple(notes),
            help=_help(owner, worst.name, target),
            rows=(first,),
            numbers={"missing": {column.name: column.missing for column in columns}},
        )


def _help(owner: str, column: str, target: bool) -> str:
    name = column if column.isidentifier() else f'"{column}"'
    leave = f"leave such rows out: `where: {name} != null`"
    if target:
        return leave
    return f"fill them, `preprocess: {{{owner}: impute}}`, or {leave}"
