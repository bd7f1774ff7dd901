"""The same inputs in two parts of the data.

What is learned by heart in training looks like skill in the test. Remedy: drop the copies, or
keep rows that belong together in one part: `split: {group: patient}`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import LISTED_ROWS, Finding, counted, numbered, share
from dlc.runtime.data.splits import PARTS

CODE = code("W0205")


def check(facts: Facts) -> Iterator[Finding]:
    groups = facts.equal_inputs
    if not groups.count or groups.pairs <= facts.chance_pairs:
        return
    leaked = groups.differing(facts.part_of)
    if not leaked.any():
        return
    places, group = groups.places[leaked], groups.group[leaked]
    parts = facts.part_of[places]
    counts = {}
    for index, part in enumerate(PARTS[1:], start=1):
        counts[part] = int((parts == index).sum())
    first = places[group == group[0]]
    example = " and ".join(
        f"{numbered(facts.rows[first[facts.part_of[first] == index]], 2)} in `{part}`"
        for index, part in enumerate(PARTS)
        if (facts.part_of[first] == index).any()
    )
    part, count = max(counts.items(), key=lambda item: item[1])
    size = facts.part_sizes[part]
    yield Finding(
        code=CODE,
        message=f"{counted(count, 'row')} of `{part}` ({share(count, size)}) "
        f"{'is' if count == 1 else 'are'} in another part too",
        notes=(f"equal inputs: {example}",),
        help="drop the copies, or keep what belongs together in one part: `split: {group: ...}`",
        rows=tuple(np.sort(facts.rows[places])[:LISTED_ROWS].tolist()),
        numbers={"rows_in": counts},
    )
