"""Parts of the data that differ from each other.

What is learned on one distribution is then measured on another: the figures tell how far the
network carries, not how well it learned. By time or by group that may be the question; rows
divided by chance should not differ. Numbers are compared by the largest distance of their
cumulative distributions (Kolmogorov and Smirnov), categories by their shares (a chi-squared
test, and the population stability index). A difference is a finding where it is large, and so
unlikely by chance that a thousand such audits would hardly show one. Remedy: see how the
rows are divided; `stratify` keeps the classes in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.cells import Numbers
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Finding, figure, named
from dlc.runtime.data.audit.profile import Column, Kind
from dlc.runtime.data.splits import PARTS

CODE = code("W0211")

_ALPHA = 1e-3
# Smaller differences are of no consequence, however certain they are.
_LEAST_DISTANCE = 0.1
_LEAST_STABILITY = 0.1
_LEAST_ROWS = 10
_MOST_CATEGORIES = 200


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """How a column of a part differs from that of the training part. `size` is the KS distance
    or the population stability index, `chance` how likely it is by chance."""

    column: Column
    part: str
    size: float
    chance: float
    measure: str
    words: str

    @property
    def large(self) -> bool:
        least = _LEAST_DISTANCE if self.measure == "ks" else _LEAST_STABILITY
        return self.size >= least


def check(facts: Facts) -> Iterator[Finding]:
    tests = list(_tests(facts))
    drifted = [t for t in tests if t.large and t.chance < _ALPHA / len(tests)]
    for owner in facts.owners:
        found = [test for test in drifted if test.column.owner == owner]
        if not found:
            continue
        worst = max(found, key=lambda test: test.size)
        names = list(dict.fromkeys(test.column.name for test in found))
        where = f"column `{names[0]}`" if len(names) == 1 else f"{len(names)} columns"
        parts = [part for part in PARTS if any(test.part == part for test in found)]
        yield Finding(
            code=CODE,
            message=f"{where} of `{owner}` "
            f"{'differs' if len(names) == 1 else 'differ'} between `train` and "
            + " and ".join(f"`{part}`" for part in parts)
            + (f": {named(names)}" if len(names) > 1 else ""),
            about=owner,
            notes=(f"`{worst.column.name}` {worst.words}",),
            help="see how the rows are divided: parts that are drawn by chance do not differ so",
            numbers={
                "columns": {
                    f"{test.column.name} {test.part}": {
                        test.measure: round(test.size, 4),
                        "p": float(f"{test.chance:.3g}"),
                    }
                    for test in found
                }
            },
        )


def _tests(facts: Facts) -> Iterator[_Difference]:
    part_of = facts.part_of[facts.sample.places]
    rows = [np.flatnonzero(part_of == index) for index in range(len(PARTS))]
    for column in facts.columns:
        for index, part in enumerate(PARTS[1:], start=1):
            if min(len(rows[0]), len(rows[index])) < _LEAST_ROWS:
                continue
            if column.kind is Kind.TEXT:
                codes = facts.sample.codes[column.name]
                found = _categories(column, part, codes[rows[0]], codes[rows[index]])
            else:
                values = _numbers(facts, column)
                found = _values(column, part, values[rows[0]], values[rows[index]])
            if found is not None:
                yield found


def _numbers(facts: Facts, column: Column) -> Numbers:
    """A number for each row of the sample: of a list its mean."""
    if column.kind is Kind.NUMBER:
        return facts.sample.numbers[column.name]
    lists = facts.sample.lists.get(column.name)
    if lists is None or not lists.shape[1]:
        return np.full(len(facts.sample), np.nan)
    means: Numbers = lists.mean(axis=1, dtype=np.float64)
    return means


def _values(column: Column, part: str, train: Numbers, other: Numbers) -> _Difference | None:
    train, other = train[~np.isnan(train)], other[~np.isnan(other)]
    if min(len(train), len(other)) < _LEAST_ROWS:
        return None
    distance = ks_distance(train, other)
    what = "has" if column.kind is Kind.NUMBER else "has row means around"
    return _Difference(
        column=column,
        part=part,
        size=distance,
        chance=ks_chance(distance, len(train), len(other)),
        measure="ks",
        words=f"{what} a median of {figure(float(np.median(train)))} in `train` and "
        f"{figure(float(np.median(other)))} in `{part}` (KS distance {distance:.2f})",
    )


def _categories(
    column: Column, part: str, train: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> _Difference | None:
    if column.distinct is None or not 1 < column.distinct <= _MOST_CATEGORIES:
        return None
    a = np.bincount(train[train >= 0], minlength=column.distinct)
    b = np.bincount(other[other >= 0], minlength=column.distinct)
    if min(a.sum(), b.sum()) < _LEAST_ROWS:
        return None
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    stability = float(((p - q) * np.log(p / q)).sum())
    worst = int(abs(p - q).argmax())
    # Codes count the texts in the order of the file, `texts` by how frequent they are.
    return _Difference(
        column=column,
        part=part,
        size=stability,
        chance=chi2_chance(a, b),
        measure="psi",
        words=f"is `{column.by_code[worst]}` in {100 * p[worst]:.0f} % of `train` and "
        f"{100 * q[worst]:.0f} % of `{part}` (population stability index {stability:.2f})",
    )


def ks_distance(a: Numbers, b: Numbers) -> float:
    """The largest distance of two cumulative distributions."""
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    left = np.searchsorted(a, both, side="right") / len(a)
    right = np.searchsorted(b, both, side="right") / len(b)
    return float(abs(left - right).max())


def ks_chance(distance: float, a: int, b: int) -> float:
    """How likely so large a distance is by chance; Stephens, "Use of the Kolmogorov-Smirnov,
    Cramer-von Mises and related statistics without extensive tables" (1970)."""
    root = math.sqrt(a * b / (a + b))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.3:
        return 1.0
    signs = ((1 if k % 2 else -1, k) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(s * math.exp(-2 * k * k * scaled * scaled) for s, k in signs)))


def chi2_chance(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    """How likely two rows of counts differ so by chance; categories too rare for the test are
    taken together. By Wilson and Hilferty, "The distribution of chi-square" (1931)."""
    total = a + b
    share = min(a.sum(), b.sum()) / total.sum()
    rare = total * share < 5
    if rare.any():
        a = np.append(a[~rare], a[rare].sum())
        b = np.append(b[~rare], b[rare].sum())
        total = a + b
        a, b, total = a[total > 0], b[total > 0], total[total > 0]
    freedom: int = len(total) - 1
    if freedom < 1:
        return 1.0
    expected_a, expected_b = total * a.sum() / total.sum(), total * b.sum() / total.sum()
    statistic: float = float(
        ((a - expected_a) ** 2 / expected_a + (b - expected_b) ** 2 / expected_b).sum()
    )
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(float(z) / math.sqrt(2))
