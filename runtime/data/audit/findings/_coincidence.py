"""How many equal rows chance alone would bring."""

from __future__ import annotations

import numpy as np

from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.profile import Kind

# Columns depend on each other, so equal rows are more frequent than by independence.
_DEPENDENCE = 10.0


def expected_pairs(facts: Facts) -> float:
    """About how many pairs of rows have equal inputs though they are different samples: the
    number of pairs times the chance that two rows agree in every column, allowance made for
    columns that depend on each other. Measured to many digits this is 0; a table of two
    coarse columns has nothing but coincidences."""
    chance = 1.0
    for column in facts.columns:
        if column.target:
            continue
        if column.kind is Kind.LIST:
            return 0.0
        held = facts.sample.numbers if column.kind is Kind.NUMBER else facts.sample.codes
        values = held[column.name]
        count = len(values)
        _, counts = np.unique(values, return_counts=True)
        chance *= float((counts * (counts - 1.0)).sum()) / max(count * (count - 1.0), 1.0)
    pairs = len(facts) * (len(facts) - 1.0) / 2
    return pairs * chance * _DEPENDENCE


def is_more_than_chance(facts: Facts, pairs: float) -> bool:
    return pairs > expected_pairs(facts)
