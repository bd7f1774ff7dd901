"""How many equal rows chance alone would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.audit.profile import Column, Kind
from dlc.runtime.data.audit.sample import Sample

# Columns depend on each other, so equal rows are more frequent than by independence.
_DEPENDENCE = 10.0


def expected_pairs(columns: Sequence[Column], sample: Sample, rows: int) -> float:
    """About how many pairs of rows have equal inputs though they are different samples: the
    number of pairs times the chance that two rows agree in every column, allowance made for
    columns that depend on each other. Measured to many digits this is 0; a table of two
    coarse columns has nothing but coincidences."""
    chance = 1.0
    for values in _inputs(columns, sample):
        count = len(values)
        _, counts = np.unique(values, return_counts=True)
        chance *= float((counts * (counts - 1.0)).sum()) / max(count * (count - 1.0), 1.0)
        if chance == 0.0:
            break
    return rows * (rows - 1.0) / 2 * chance * _DEPENDENCE


def _inputs(columns: Sequence[Column], sample: Sample) -> Iterator[npt.NDArray[np.generic]]:
    for column in columns:
        if column.target:
            continue
        if column.kind is Kind.LIST:
            yield np.arange(2)
        else:
            held = sample.numbers if column.kind is Kind.NUMBER else sample.codes
            yield held[column.name]
