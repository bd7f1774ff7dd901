"""Numbers far from all others.

One of them can be larger than the rest together: it decides means, deviations and gradients.
Often it is a wrong unit, a slipped point or a code for "missing" such as -999. A number counts
as far out where it is ten times as far from the middle half of the column as that half is
wide, and still three times after the logarithm, where all numbers are positive: a long tail
alone is no finding. Remedy: correct it, leave it out with `data.where`, cut it with
`clip`, or make the column's tail short with `log`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.cells import Numbers
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import LISTED_ROWS, Finding, counted, figure, named
from dlc.runtime.data.audit.profile import Column

CODE = code("W0209")

_FAR = 10.0
_FAR_BY_LOG = 3.0
_MOST = 0.05
_TREATED = frozenset({"clip", "log", "bucketize", "robust"})


def check(facts: Facts) -> Iterator[Finding]:
    for owner in facts.owners:
        steps = facts.compilation.settings.preprocess.get(owner, ())
        if any(step.name in _TREATED for step in steps):
            continue
        found = []
        for column in facts.of(owner):
            values = facts.sample.numbers.get(column.name)
            if values is not None and (fences := _fences(column, values)) is not None:
                places = _outside(facts, column, values, fences)
                if len(places):
                    found.append((column, places, fences))
        if found:
            yield _finding(facts, owner, found)


def _fences(column: Column, values: Numbers) -> tuple[float, float] | None:
    """Below and above which a number is far out; None where the column tells no scale."""
    spread = column.spread
    if spread is None:
        return None
    q1, _, q3 = spread.quartiles
    if not q3 > q1:
        return None
    low, high = q1 - _FAR * (q3 - q1), q3 + _FAR * (q3 - q1)
    if spread.low >= 0 and q1 > 0:
        ratio = (q3 / q1) ** _FAR_BY_LOG
        low, high = min(low, q1 / ratio), max(high, q3 * ratio)
    if spread.low >= low and spread.high <= high:
        return None
    known = values[~np.isnan(values)]
    outside = ((known < low) | (known > high)).mean() if len(known) else 0.0
    return None if outside > _MOST else (low, high)


def _outside(
    facts: Facts, column: Column, values: Numbers, fences: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """The rows of the file, with the extremes, which are known even outside the sample."""
    assert column.spread is not None
    outside = (values < fences[0]) | (values > fences[1])
    rows = facts.rows[facts.sample.places[np.flatnonzero(outside)]]
    extremes = []
    if column.spread.low < fences[0]:
        extremes.append(column.spread.low_row)
    if column.spread.high > fences[1]:
        extremes.append(column.spread.high_row)
    return np.unique(np.concatenate([rows, np.array(extremes, np.int64)]))


def _finding(
    facts: Facts,
    owner: str,
    found: list[tuple[Column, npt.NDArray[np.int64], tuple[float, float]]],
) -> Finding:
    notes = []
    for column, _, fences in found[:3]:
        assert column.spread is not None
        spread = column.spread
        far_low = fences[0] - spread.low > spread.high - fences[1]
        value, row = (spread.low, spread.low_row) if far_low else (spread.high, spread.high_row)
        q1, _, q3 = spread.quartiles
        notes.append(
            f"`{column.name}` is {figure(value)} in row {row:,}; half of its values are from "
            f"{figure(q1)} to {figure(q3)}" + _repeated(facts, column, value)
        )
    rows = np.unique(np.concatenate([rows for _, rows, _ in found]))
    names = [column.name for column, _, _ in found]
    count = sum(len(rows) for _, rows, _ in found)
    where = f"column `{names[0]}`" if len(names) == 1 else f"{len(names)} columns: {named(names)}"
    least = "at least " if len(facts.sample) < len(facts) else ""
    return Finding(
        code=CODE,
        message=f"{least}{counted(count, 'number lies', 'numbers lie')} far from all others in "
        f"{where}",
        about=owner,
        notes=tuple(notes),
        help="correct what is wrong; `clip` cuts the rest, `log` shortens a long tail",
        rows=tuple(rows[:LISTED_ROWS].tolist()),
        numbers={"columns": {column.name: len(rows) for column, rows, _ in found}},
    )


def _repeated(facts: Facts, column: Column, value: float) -> str:
    """An outlier that comes again and again is a word, not a number."""
    again = int((facts.sample.numbers[column.name] == value).sum())
    return f"; {figure(value)} is there {again:,} times: a code for missing?" if again > 2 else ""
