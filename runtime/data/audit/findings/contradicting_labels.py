"""Equal inputs with different classes.

No network can be right on both, so these rows bound what accuracy can be reached. Where only
a few coarse columns describe a row this is the nature of the data, and no finding. Remedy:
correct the classes, or add the column that tells such rows apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import LISTED_ROWS, Finding, counted, numbered, share

CODE = code("W0206")


def check(facts: Facts) -> Iterator[Finding]:
    groups = facts.equal_inputs
    if not groups.count or groups.pairs <= facts.chance_pairs:
        return
    for target, classes in facts.classes.items():
        wrong = groups.differing(classes.codes)
        if not wrong.any():
            continue
        places, group = groups.places[wrong], groups.group[wrong]
        first = places[group == group[0]]
        pairs = dict(zip(classes.codes[first].tolist(), facts.rows[first].tolist(), strict=True))
        example = ", ".join(
            f"row {row:,} is `{classes.names[label]}`" if label >= 0 else f"row {row:,} has none"
            for label, row in list(pairs.items())[:3]
        )
        yield Finding(
            code=CODE,
            message=f"{counted(len(places), 'row')} ({share(len(places), len(facts))}) "
            f"have equal inputs and different `{target}`",
            about=target,
            notes=(f"equal inputs in {numbered(facts.rows[first])}: {example}",),
            help="correct the classes, or add the column that tells such rows apart",
            rows=tuple(np.sort(facts.rows[places])[:LISTED_ROWS].tolist()),
            numbers={"count": len(places), "groups": len(np.unique(group))},
        )
