"""Dividing rows into training, validation and test parts.

A division is a pure function of the number of rows, the settings and the classes to
keep in proportion: the same on every machine and with every version of every library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.failures import failure
from dlc.runtime.seeding import permutation

PARTS = ("train", "validation", "test")
# Written with every division; a change of the algorithm is a new number.
_ALGORITHM = 1

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SplitRule:
    """How rows are divided: shares of train, validation and test, the seed, and the
    target, input or column whose classes keep their shares."""

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    stratify: str | None = None

    def record(self) -> dict[str, Any]:
        """For `run.json` and the model's metadata."""
        return {
            "algorithm": _ALGORITHM,
            "shares": dict(zip(PARTS, self.shares, strict=True)),
            "seed": self.seed,
            "stratify": self.stratify,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SplitRule:
        """The rule of a record; raises `Failure` E0610 for one of a later version."""
        if record.get("algorithm") != _ALGORITHM:
            raise failure(
                "E0610",
                "the split was recorded by a version of dlc that divides otherwise",
                help="evaluate with the version that trained the model",
            )
        train, validation, test = (float(record["shares"][part]) for part in PARTS)
        return cls(
            shares=(train, validation, test),
            seed=int(record["seed"]),
            stratify=record["stratify"],
        )


@dataclass(frozen=True, kw_only=True)
class Division:
    """The rows of each part, ascending, counted from 0."""

    train: Rows
    validation: Rows
    test: Rows

    def part(self, name: str) -> Rows:
        rows: Rows = getattr(self, name)
        return rows


def divide(count: int, rule: SplitRule, classes: npt.NDArray[Any] | None = None) -> Division:
    """Divides `count` rows. `classes` holds a value a row where the rule stratifies.

    The rows are put in a drawn order in which, with classes, every stretch holds each
    class in proportion to within one row; the parts are stretches of it, so their sizes
    are exact and their classes as even as they can be. Raises `Failure` E0606 where a
    part with a share gets no row.
    """
    order = permutation(count, rule.seed, "split")
    if classes is not None:
        order = _interleaved(order, classes)
    # Shares such as 0.8 + 0.1 sum to 0.9 less a rounding error.
    first = round(count * rule.shares[0] + 1e-9)
    second = min(count, round(count * (rule.shares[0] + rule.shares[1]) + 1e-9))
    if rule.shares[2] == 0:
        second = count
    bounds = (0, first, second, count)
    parts = [np.sort(order[start:end]) for start, end in pairwise(bounds)]
    for name, share, rows in zip(PARTS, rule.shares, parts, strict=True):
        if share > 0 and len(rows) == 0:
            raise failure(
                "E0606",
                f"{count:,} {'row is' if count == 1 else 'rows are'} too few: "
                f"{share:g} of them leaves none for `{name}`",
                help=f"give more rows, or set `data.split.{name}` to 0",
            )
    return Division(train=parts[0], validation=parts[1], test=parts[2])


def _interleaved(order: Rows, classes: npt.NDArray[Any]) -> Rows:
    _, codes = np.unique(classes, return_inverse=True)
    drawn = codes.reshape(-1)[order]
    counts = np.bincount(drawn)
    by_class = np.argsort(drawn, kind="stable")
    first_of_class = np.cumsum(counts) - counts
    rank = np.empty(len(order), np.int64)
    rank[by_class] = np.arange(len(order)) - np.repeat(first_of_class, counts)
    place = (rank + 0.5) / counts[drawn]
    interleaved: Rows = order[np.argsort(place, kind="stable")]
    return interleaved
