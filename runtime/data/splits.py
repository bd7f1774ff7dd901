"""Dividing rows into training, validation and test parts.

A division is a pure function of the number of rows, the settings and the columns that
they name: the same on every machine and with every version of every library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.rounding import within_one
from dlc.runtime.failures import Failure, failure
from dlc.runtime.seeding import permutation

PARTS = ("train", "validation", "test")
# Written with every division; a change of the algorithm is a new number.
_ALGORITHM = 2
_MOST_FOLDS = 1000

Rows = npt.NDArray[np.int64]
#: A number for each row, equal for the rows of a class or group.
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SplitRule:
    """How rows are divided: shares of train, validation and test, the seed, and the columns
    whose classes keep their shares, whose groups stay whole, or that tell the time. With
    `folds` the rows beside the test part are validated on in turn, here in that of `fold`.
    `given` are the parts that have files of their own."""

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    stratify: str | None = None
    group: str | None = None
    time: str | None = None
    folds: int | str | None = None
    fold: int = 0
    given: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """For `run.json` and the model's metadata."""
        found: dict[str, Any] = {
            "algorithm": _ALGORITHM,
            "shares": dict(zip(PARTS, self.shares, strict=True)),
            "seed": self.seed,
            "stratify": self.stratify,
        }
        if self.folds is not None:
            found |= {"folds": self.folds, "fold": self.fold}
        if self.given:
            found["given"] = list(self.given)
        return found | {k: v for k in ("group", "time") if (v := getattr(self, k)) is not None}

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
            group=record.get("group"),
            time=record.get("time"),
            folds=record.get("folds"),
            fold=int(record.get("fold", 0)),
            given=tuple(record.get("given", ())),
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


def divide(
    count: int,
    rule: SplitRule,
    classes: npt.NDArray[Any] | None = None,
    *,
    groups: npt.NDArray[Any] | None = None,
    times: npt.NDArray[Any] | None = None,
) -> Division:
    """Divides `count` rows; `classes`, `groups` and `times` hold a value a row where the rule
    asks for them.

    Without groups and times the parts have the size of their shares to within one row; each
    class has its share of each part to within one row; a group is in one part alone, and the
    sizes come as near as groups that stay whole allow; in time, no row to learn from is later
    than one of the parts that follow. Raises `Failure` E0606 where a part with a share gets
    no row, or where there are fewer groups than folds.
    """
    if times is not None:
        parts = _in_time(times, rule.shares)
    elif groups is not None:
        parts = _in_groups(_codes(groups), rule)
    else:
        order = permutation(count, rule.seed, "split")
        codes = None if classes is None else _codes(classes)
        parts = _in_shares(order, rule.shares, codes)
        if rule.folds is not None:
            parts = _rotated(parts, rule, _dealt(parts[0], order, codes, int(rule.folds)))
    for name, share, rows in zip(PARTS, rule.shares, parts, strict=True):
        if share > 0 and len(rows) == 0:
            raise _empty(count, name, share)
    return Division(train=parts[0], validation=parts[1], test=parts[2])


def fold_count(rule: SplitRule, groups: npt.NDArray[Any] | None) -> int:
    """How many folds there are: as many as groups, where one of them is left out at a time.
    Raises `Failure` E0606 for more than a thousand."""
    if isinstance(rule.folds, int):
        return rule.folds
    assert groups is not None
    count = len(np.unique(groups))
    if count > _MOST_FOLDS:
        raise failure(
            "E0606",
            f"`{rule.group}` has {count:,} groups, and leaving out one at a time would train "
            "as many networks",
            help="hold out several at a time: `folds: 10`",
        )
    return count


def _empty(count: int, name: str, share: float) -> Failure:
    return failure(
        "E0606",
        f"{count:,} {'row is' if count == 1 else 'rows are'} too few: "
        f"{share:g} of them leaves none for `{name}`",
        help=f"give more rows, or set `data.split.{name}` to 0",
    )


def _codes(values: npt.NDArray[Any]) -> Codes:
    _, codes = np.unique(values, return_inverse=True)
    found: Codes = codes.reshape(-1).astype(np.int64, copy=False)
    return found


def _bounds(count: int, shares: Sequence[float]) -> tuple[int, int, int, int]:
    # Shares such as 0.8 + 0.1 sum to 0.9 less a rounding error.
    first = round(count * shares[0] + 1e-9)
    second = min(count, round(count * (shares[0] + shares[1]) + 1e-9))
    if shares[2] == 0:
        second = count
    return 0, first, second, count


# ── by shares ────────────────────────────────────────────────────────────────


def _in_shares(order: Rows, shares: tuple[float, float, float], codes: Codes | None) -> list[Rows]:
    """Stretches of a drawn order. With classes the order is one in which every stretch holds
    each class about in proportion; where that is off by more than a row, as with many rare
    classes, the counts are rounded so that it is not."""
    bounds = _bounds(len(order), shares)
    if codes is None:
        return [np.sort(order[start:end]) for start, end in pairwise(bounds)]
    drawn = codes[order]
    totals = np.bincount(drawn)
    rank = _ranks(drawn, totals)
    place = np.argsort((rank + 0.5) / totals[drawn], kind="stable")
    stretches = [place[start:end] for start, end in pairwise(bounds)]
    counts = np.stack([np.bincount(drawn[s], minlength=len(totals)) for s in stretches], axis=1)
    wanted = totals[:, None] * np.asarray(shares)[None, :]
    if (abs(counts - wanted) >= 1).any():
        counts = within_one(wanted, totals)
        ends = np.cumsum(counts, axis=1)[drawn]
        part = (rank[:, None] >= ends).sum(axis=1)
        stretches = [np.flatnonzero(part == index) for index in range(len(PARTS))]
    return [np.sort(order[stretch]) for stretch in stretches]


def _ranks(drawn: Codes, totals: npt.NDArray[np.int64]) -> Rows:
    """The rank of each place within its class."""
    by_class = np.argsort(drawn, kind="stable")
    rank = np.empty(len(drawn), np.int64)
    rank[by_class] = np.arange(len(drawn)) - np.repeat(np.cumsum(totals) - totals, totals)
    return rank


# ── folds ────────────────────────────────────────────────────────────────────


def _dealt(rows: Rows, order: Rows, codes: Codes | None, folds: int) -> list[Rows]:
    """Rows dealt like cards: class by class, so that each fold has each class, and all rows,
    to within one."""
    if len(rows) < folds:
        raise failure(
            "E0606",
            f"{len(rows):,} rows do not make {folds} folds",
            help=f"give more rows, or set `data.split.folds` to {max(len(rows), 2)}",
        )
    drawn = order[np.isin(order, rows)]
    if codes is not None:
        drawn = drawn[np.argsort(codes[drawn], kind="stable")]
    return [np.sort(drawn[fold::folds]) for fold in range(folds)]


def _rotated(parts: list[Rows], rule: SplitRule, folds: Sequence[Rows]) -> list[Rows]:
    """The parts in which one fold validates and the others train."""
    if rule.fold >= len(folds):
        raise failure(
            "E0302",
            f"there is no fold {rule.fold} of {len(folds)}: they are counted from 0",
            help=f"set `data.split.fold` to a number from 0 to {len(folds) - 1}",
        )
    train = np.setdiff1d(parts[0], folds[rule.fold])
    return [train, folds[rule.fold], parts[2]]


# ── groups ───────────────────────────────────────────────────────────────────


def _in_groups(codes: Codes, rule: SplitRule) -> list[Rows]:
    sizes = np.bincount(codes)
    order = permutation(len(sizes), rule.seed, "groups")
    part_of = _groups_to_parts(sizes, order, rule)
    parts = [np.flatnonzero(part_of[codes] == index) for index in range(len(PARTS))]
    if rule.folds is None:
        return parts
    left = order[part_of[order] == 0]
    if rule.folds == "groups":
        left = np.sort(left)
        fold_of = {int(group): fold for fold, group in enumerate(left)}
        count = len(left)
    else:
        count = int(rule.folds)
        fold_of = _groups_to_folds(sizes, left, count)
    if len(left) < max(count, 2):
        raise failure(
            "E0606",
            f"`{rule.group}` has {len(left)} {'group' if len(left) == 1 else 'groups'} to train "
            f"on, too few for {max(count, 2)} folds",
            help="give fewer folds, or another column of groups",
        )
    fold_by_group = np.full(len(sizes), -1, np.int64)
    for group, fold in fold_of.items():
        fold_by_group[group] = fold
    folds = [np.flatnonzero(fold_by_group[codes] == fold) for fold in range(count)]
    return _rotated(parts, rule, folds)


def _groups_to_parts(sizes: npt.NDArray[np.int64], order: Rows, rule: SplitRule) -> Rows:
    """The part of each group: in a drawn order each goes where most rows are wanting, the
    last ones to parts that have none yet."""
    total = int(sizes.sum())
    wanted = [total * share for share in rule.shares]
    empty = [part for part in range(len(PARTS)) if rule.shares[part] > 0]
    if len(order) < len(empty):
        raise failure(
            "E0606",
            f"`{rule.group}` has {len(order)} {'group' if len(order) == 1 else 'groups'}, too few "
            f"for {len(empty)} parts",
            help="name another column, or set the shares of parts to 0",
        )
    found = np.empty(len(sizes), np.int64)
    for done, group in enumerate(order.tolist()):
        choice = empty if len(order) - done <= len(empty) else range(len(PARTS))
        part = max(choice, key=lambda p: wanted[p])
        wanted[part] -= float(sizes[group])
        found[group] = part
        empty = [other for other in empty if other != part]
    return found


def _groups_to_folds(sizes: npt.NDArray[np.int64], groups: Rows, count: int) -> dict[int, int]:
    """The fold of each group: the largest first, each to the fold with the fewest rows."""
    filled = [0] * count
    found = {}
    for group in sorted(groups.tolist(), key=lambda g: -int(sizes[g])):
        fold = min(range(count), key=lambda f: filled[f])
        found[group] = fold
        filled[fold] += int(sizes[group])
    return found


# ── time ─────────────────────────────────────────────────────────────────────


def _in_time(times: npt.NDArray[Any], shares: tuple[float, float, float]) -> list[Rows]:
    """Stretches in the order of time. A bound between rows of one time moves before them."""
    order = np.argsort(times, kind="stable").astype(np.int64, copy=False)
    ordered = times[order]
    bounds = [
        int(np.searchsorted(ordered, ordered[bound], side="left")) if bound < len(order) else bound
        for bound in _bounds(len(order), shares)
    ]
    return [np.sort(order[start:end]) for start, end in pairwise(bounds)]
