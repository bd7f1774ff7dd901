"""Columns that are equal in every row.

Of two equal inputs one is enough. An input that equals the target is the answer itself: the
network learns to copy it, and fails where the answer is not known yet. Remedy: leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Finding, named
from dlc.runtime.data.audit.profile import Column

CODE = code("W0203")


def check(facts: Facts) -> Iterator[Finding]:
    groups: dict[int, list[Column]] = {}
    for column in facts.columns:
        if not column.constant and column.missing < column.rows:
            groups.setdefault(column.print, []).append(column)
    repeated: dict[str, list[tuple[str, str]]] = {}
    for group in groups.values():
        targets = [column for column in group if column.target]
        inputs = [column for column in group if not column.target]
        for column in inputs if targets else ():
            yield Finding(
                code=CODE,
                message=f"column `{column.name}` of `{column.owner}` is the target "
                f"`{targets[0].owner}`",
                about=column.owner,
                help="leave it out: a network that is given the answer learns to copy it",
                numbers={"columns": [column.name, targets[0].name]},
            )
        for column in inputs[1:]:
            repeated.setdefault(column.owner, []).append((column.name, inputs[0].name))
    for owner, pairs in repeated.items():
        again = [name for name, _ in pairs]
        if len(pairs) == 1:
            message = f"columns `{pairs[0][1]}` and `{pairs[0][0]}` are equal in every row"
        else:
            message = (
                f"{len(pairs)} columns of `{owner}` are equal to others in every row: "
                f"{named(again)}"
            )
        yield Finding(
            code=CODE,
            message=message,
            about=owner,
            help=f"one of them is enough: leave {named(again)} out",
            numbers={"columns": [list(pair) for pair in pairs]},
        )
