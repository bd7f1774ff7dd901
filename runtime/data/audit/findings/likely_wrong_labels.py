"""Rows whose class is that of none of their nearest neighbours.

Where ten rows that are like this one agree on another class, and the neighbourhoods of both
classes are otherwise pure, the class is probably a slip; it may also be a rare kind that the
network needs. Distances are over all numeric columns, each brought to one scale, and over
categories; at most 4,000 rows are compared, so of larger data a share is looked at. Remedy:
look at these rows; correct what is wrong.

Source: Wilson, "Asymptotic properties of nearest neighbor rules using edited data" (1972).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dlc.compiler.diagnostics.catalog import code
from dlc.runtime.data.audit.facts import Classes, Facts, Places
from dlc.runtime.data.audit.findings.base import LISTED_ROWS, Finding, counted, numbered, share
from dlc.runtime.data.audit.profile import Kind

CODE = code("W0207")

_NEIGHBOURS = 10
_MOST_ROWS = 4_000
# Multiplications of all distances: about a second on one core.
_WORK = 2e10
_MOST_CATEGORIES = 50
# A class tells its neighbours apart where so many of them are of it, on average.
_PURE = 0.6
_BLOCK = 512
# So many deviations from the middle are as far as any more.
_CUT = 10.0

Features = npt.NDArray[np.float32]


def check(facts: Facts) -> Iterator[Finding]:
    if not facts.classes:
        return
    places, features = _features(facts)
    if features.shape[1] == 0 or len(places) < 5 * _NEIGHBOURS:
        return
    near = _nearest(features)
    for target, classes in facts.classes.items():
        found = _suspicious(classes, places, near)
        # A number far out puts a row among strangers: W0209 tells of it.
        found = found[(abs(features[found]) < _CUT).all(axis=1)]
        if not len(found):
            continue
        rows = facts.rows[places[found]]
        labels = classes.codes[places]
        first = int(found[0])
        other = int(np.bincount(labels[near[first]][labels[near[first]] >= 0]).argmax())
        looked = "" if len(places) == len(facts) else f" of {len(places):,} that were compared"
        yield Finding(
            code=CODE,
            message=f"`{target}` is probably wrong in {counted(len(found), 'row')}{looked} "
            f"({share(len(found), len(places))}): {numbered(rows)}",
            about=target,
            notes=(
                f"row {int(rows[0]):,} is `{classes.names[int(labels[first])]}`, and all "
                f"{_NEIGHBOURS} rows most like it are `{classes.names[other]}`",
            ),
            help="look at these rows: correct what is wrong, keep what is rare",
            rows=tuple(rows[:LISTED_ROWS].tolist()),
            numbers={"count": len(found), "compared": len(places)},
        )


def _features(facts: Facts) -> tuple[Places, Features]:
    """Some rows and their coordinates, each column about as wide as the others."""
    sample, parts, widths = facts.sample, [], 0
    for column in facts.columns:
        if column.target:
            continue
        if column.kind is Kind.LIST:
            widths += column.width or 0
        else:
            widths += 1 if column.kind is Kind.NUMBER else min(len(column.texts), _MOST_CATEGORIES)
    most = min(_MOST_ROWS, int((_WORK / max(widths, 1)) ** 0.5), len(sample))
    # Any stretch of the sample would do; evenly spread places keep the order of the file out.
    chosen = np.unique(np.linspace(0, max(len(sample) - 1, 0), most).astype(np.int64))
    for column in facts.columns:
        if column.target:
            continue
        if column.kind is Kind.NUMBER and column.spread is not None and column.spread.std > 0:
            parts.append(_scaled(sample.numbers[column.name][chosen])[:, None])
        elif column.kind is Kind.LIST and column.name in sample.lists and column.spread:
            values = sample.lists[column.name][chosen]
            parts.append(np.nan_to_num(values / max(column.spread.std, 1e-30)))
        elif column.kind is Kind.TEXT and 1 < len(column.texts) <= _MOST_CATEGORIES:
            codes = sample.codes[column.name][chosen]
            parts.append((codes[:, None] == np.arange(len(column.texts))) * np.float32(0.7))
    places = sample.places[chosen]
    if not parts:
        return places, np.zeros((len(places), 0), np.float32)
    return places, np.concatenate(parts, axis=1).astype(np.float32)


def _scaled(values: npt.NDArray[np.float64]) -> Features:
    """By the middle half, which outliers do not move; what is missing lies in the middle."""
    low, middle, high = np.nanquantile(values, (0.25, 0.5, 0.75))
    width = (high - low) / 1.349 or float(np.nanstd(values)) or 1.0
    scaled = np.nan_to_num((values - middle) / width)
    found: Features = np.clip(scaled, -_CUT, _CUT).astype(np.float32)
    return found


def _nearest(features: Features) -> npt.NDArray[np.int64]:
    """The nearest other rows of each row, [rows, neighbours]."""
    squares = (features**2).sum(axis=1)
    near = np.empty((len(features), _NEIGHBOURS), np.int64)
    for start in range(0, len(features), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(features)))
        distances = squares[None] - 2 * (features[block] @ features.T)
        own = np.arange(block.start, block.stop)
        distances[own - start, own] = np.inf
        near[block] = np.argpartition(distances, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return near


def _suspicious(
    classes: Classes, places: Places, near: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    labels = classes.codes[places]
    around = labels[near]
    agreement = (around == labels[:, None]).mean(axis=1)
    # A class is told apart where its rows lie among their own.
    counts = np.bincount(labels[labels >= 0], minlength=len(classes.names))
    sums = np.bincount(
        labels[labels >= 0], weights=agreement[labels >= 0], minlength=len(classes.names)
    )
    pure = sums / np.maximum(counts, 1) >= _PURE
    same = (around == around[:, :1]).all(axis=1) & (around[:, 0] != labels) & (around[:, 0] >= 0)
    neighbours_pure = agreement[near].mean(axis=1) >= 0.8
    known = (labels >= 0) & pure[np.maximum(labels, 0)] & pure[np.maximum(around[:, 0], 0)]
    return np.flatnonzero(same & known & neighbours_pure)
