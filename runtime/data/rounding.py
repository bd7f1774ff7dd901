"""Rounding a table of shares to whole numbers, so that no cell is off by one or more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
_NOTHING = 1e-9


def within_one(wanted: npt.NDArray[np.float64], totals: Counts) -> Counts:
    """Whole numbers `[classes, parts]` next to `wanted`, up or down: each row adds up to its
    total, each column to within one of what it wants. A pure function of its arguments.

    The fractions of a row add up to a whole number, of which so many cells are rounded up:
    first where the column lacks most, then cells are exchanged along chains of rows until no
    column is off by one. That there is always such a rounding is a theorem.

    Source: Bacharach, "Matrix Rounding Problems" (1966).
    """
    floors = np.floor(wanted + _NOTHING).astype(np.int64)
    fractions = np.clip(wanted - floors, 0.0, None)
    fractions[fractions < _NOTHING] = 0.0
    ups = np.zeros_like(floors)
    lacking = np.zeros(wanted.shape[1])
    for row in range(len(totals)):
        lacking += fractions[row]
        for _ in range(int(totals[row] - floors[row].sum())):
            free = np.flatnonzero((fractions[row] > 0) & (ups[row] == 0))
            part = free[np.argmax(lacking[free])]
            ups[row, part] = 1
            lacking[part] -= 1.0
    # Each exchange brings the columns that are off the most nearer, so this ends.
    while abs(lacking).max() >= 1 - _NOTHING and _exchange(ups, fractions, lacking):
        pass
    return floors + ups


def _exchange(
    ups: Counts, fractions: npt.NDArray[np.float64], lacking: npt.NDArray[np.float64]
) -> bool:
    """Moves one row from the column that has most too many towards that which lacks most."""
    start, goal = int(np.argmin(lacking)), int(np.argmax(lacking))
    came: dict[int, tuple[int, int]] = {start: (-1, -1)}
    queue = [start]
    for column in queue:
        for other in range(ups.shape[1]):
            if other in came:
                continue
            rows = np.flatnonzero(
                (ups[:, column] == 1) & (ups[:, other] == 0) & (fractions[:, other] > 0)
            )
            if len(rows):
                came[other] = (column, int(rows[0]))
                queue.append(other)
    if goal not in came:
        return False
    column = goal
    while column != start:
        before, row = came[column]
        ups[row, before], ups[row, column] = 0, 1
        lacking[before] += 1.0
        lacking[column] -= 1.0
        column = before
    return True
