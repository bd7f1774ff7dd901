"""Rows that are there more than once, inputs and targets alike.

A copy counts twice in the loss, and where its twin is in another part, the figures of that
part are too good (see W0205). Rows that agree by chance, as those of a table of a few coarse
columns do, are no finding. Remedy: drop the copies where the file is made.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.cells import mix
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import LISTED_ROWS, Finding, counted, numbered, share
from dlc.runtime.data.audit.groups import equal_rows

CODE = code("W0204")


def check(facts: Facts) -> Iterator[Finding]:
    found = equal_rows(mix(facts.input_prints) ^ facts.target_prints)
    if not found.count or found.pairs <= facts.chance_pairs:
        return
    copies = len(found.places) - found.count
    rows = facts.rows[found.places]
    first = rows[found.group == 0]
    yield Finding(
        code=CODE,
        message=f"{counted(copies, 'row is a copy', 'rows are copies')} of others "
        f"({share(copies, len(facts))})",
        notes=(f"{numbered(first)} are equal",),
        help="drop the copies: each counts in the loss as often as it is there",
        rows=tuple(np.sort(rows)[:LISTED_ROWS].tolist()),
        numbers={"copies": copies, "groups": found.count},
    )
