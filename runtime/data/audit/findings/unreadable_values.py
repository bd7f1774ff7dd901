"""Values that are no finite numbers, in a column of numbers.

Training stops at the first of them. Remedy: correct them; leave such rows out with
`data.where`; or, for a column of words, number the words with `preprocess`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Finding, counted, share

CODE = code("E0606")


def check(facts: Facts) -> Iterator[Finding]:
    for column in facts.columns:
        first = column.first_unreadable
        if first is None:
            continue
        many = column.unreadable * 2 > column.rows
        words = f"number the words: `preprocess: {{{column.owner}: vocabulary}}`"
        yield Finding(
            code=CODE,
            message=f"{counted(column.unreadable, 'value')} of column `{column.name}` "
            f"({share(column.unreadable, column.rows)}) "
            f"{'is' if column.unreadable == 1 else 'are'} no finite number",
            about=column.owner,
            notes=(f"the first is `{first.value}`, in row {first.row:,}",),
            help=words if many else "correct them, or leave such rows out with `data.where`",
            rows=(first.row,),
            numbers={"column": column.name, "count": column.unreadable},
        )
