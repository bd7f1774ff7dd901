"""What one pass over the rows finds out about each column."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.audit.cells import Numbers


class Kind(Enum):
    NUMBER = "number"
    TEXT = "text"
    LIST = "list"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value of note and the row of the file that holds it, counted from 1."""

    row: int
    value: str


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How the numbers of a column lie. `low` and `high` are exact, `low_row` and `high_row`
    where they stand; the quartiles and the histogram are of the sample. `bars` counts the
    sample between `edges`, whose ends take in what lies beyond."""

    low: float
    high: float
    low_row: int
    high_row: int
    mean: float
    std: float
    quartiles: tuple[float, float, float]
    edges: tuple[float, ...]
    bars: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `owner` is the input or target that it fills, `target` says which of the
    two; `missing` and `unreadable` count cells, with the first of each. `width` is the
    numbers a row of a list, None where rows differ, and `idle` how many of them never change.
    `texts` are the different values with their counts, most frequent first, `by_code` the same
    in the order of their codes; `distinct` is how many there are, None where they are too
    many to count. `print` tells whole columns
    apart."""

    name: str
    owner: str
    target: bool
    kind: Kind
    rows: int
    missing: int
    first_missing: int | None
    unreadable: int
    first_unreadable: Cell | None
    distinct: int | None
    spread: Spread | None
    texts: tuple[tuple[str, int], ...] = ()
    by_code: tuple[str, ...] = ()
    width: int | None = None
    idle: int = 0
    print: int = 0

    @property
    def constant(self) -> bool:
        """Whether all rows hold one value, none missing."""
        if self.missing or self.unreadable or not self.rows:
            return False
        if self.kind is Kind.TEXT:
            return len(self.texts) == 1
        return self.spread is not None and self.spread.low == self.spread.high

    def record(self) -> dict[str, Any]:
        """For `profile.json`."""
        found: dict[str, Any] = {
            "column": self.name,
            "of": self.owner,
            "role": "target" if self.target else "input",
            "kind": self.kind.value,
            "missing": self.missing,
            "unreadable": self.unreadable,
            "distinct": self.distinct,
        }
        if self.kind is Kind.LIST:
            found |= {"width": self.width, "idle": self.idle}
        if self.texts:
            found["values"] = dict(self.texts[:50])
        if self.spread is not None:
            spread = self.spread
            found |= {
                "low": spread.low,
                "high": spread.high,
                "mean": spread.mean,
                "std": spread.std,
                "quartiles": list(spread.quartiles),
                "histogram": {"edges": list(spread.edges), "counts": list(spread.bars)},
            }
        return found


class Moments:
    """Counts, extremes, means and deviations of columns side by side, NaN left out.

    Chunks are joined by the formula of Chan, Golub and LeVeque, "Updating formulae and a
    pairwise algorithm for computing sample variances" (1979).
    """

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns, np.int64)
        self.mean = np.zeros(columns)
        self.squares = np.zeros(columns)
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self.low_row = np.zeros(columns, np.int64)
        self.high_row = np.zeros(columns, np.int64)

    def add(self, values: Numbers, rows: npt.NDArray[np.int64]) -> None:
        """`values` are [rows, columns]; `rows` numbers them."""
        if not len(values):
            return
        known = ~np.isnan(values)
        count = known.sum(axis=0)
        filled = np.where(known, values, 0.0)
        mean = filled.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
        self._join(count, mean, squares)
        columns = np.arange(values.shape[1])
        for sign, extreme, places in ((1, self.low, self.low_row), (-1, self.high, self.high_row)):
            at = np.where(known, sign * values, np.inf).argmin(axis=0)
            found = values[at, columns]
            better = (count > 0) & (sign * found < sign * extreme)
            extreme[better] = found[better]
            places[better] = rows[at[better]]

    def _join(self, count: npt.NDArray[np.int64], mean: Numbers, squares: Numbers) -> None:
        total = self.count + count
        share = count / np.maximum(total, 1)
        step = mean - self.mean
        self.mean = self.mean + step * share
        self.squares = self.squares + squares + step**2 * self.count * share
        self.count = total

    @property
    def std(self) -> Numbers:
        """The deviations of the population."""
        return np.sqrt(self.squares / np.maximum(self.count, 1))


BARS = 30


def histogram(values: Numbers) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Edges and counts of a histogram of finite numbers. Where a few lie far out, the bars
    cover the middle 99 % and the outer ones take in the rest."""
    if not len(values):
        return (), ()
    low, inner_low, inner_high, high = np.quantile(values, (0.0, 0.005, 0.995, 1.0))
    if high - low > 2 * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
    if not high > low:
        return (float(low), float(low)), (len(values),)
    edges = np.linspace(low, high, BARS + 1)
    bars, _ = np.histogram(np.clip(values, low, high), bins=edges)
    return tuple(edges.tolist()), tuple(bars.tolist())
