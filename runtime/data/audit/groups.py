"""Rows with equal inputs, as groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.audit.cells import Prints

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The rows that are not alone: `places` among all rows, those of a group side by side and
    in order, and for each the number of its `group`."""

    places: Places
    group: Places

    @property
    def count(self) -> int:
        return int(self.group[-1]) + 1 if len(self.group) else 0

    @property
    def pairs(self) -> float:
        """How many pairs of equal rows there are."""
        sizes = np.bincount(self.group).astype(np.float64)
        return float((sizes * (sizes - 1) / 2).sum())

    def differing(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
        """For each row whether its group holds different `values`, which are a number a row
        of the data."""
        if not self.count:
            return np.zeros(0, np.bool_)
        own = values[self.places]
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        first = own[starts][self.group]
        mixed = np.zeros(self.count, np.bool_)
        mixed[self.group[own != first]] = True
        found: npt.NDArray[np.bool_] = mixed[self.group]
        return found


def equal_rows(prints: Prints) -> Groups:
    order = np.argsort(prints, kind="stable")
    ordered = prints[order]
    same = ordered[1:] == ordered[:-1]
    alone = ~(np.append(same, False) | np.append(False, same))
    starts = np.append(True, ~same)
    numbers = np.cumsum(starts)[~alone]
    places = order[~alone].astype(np.int64)
    _, group = np.unique(numbers, return_inverse=True)
    # By their first row, so that the first group is the first in the file.
    _, first = np.unique(group, return_index=True)
    rank = np.argsort(np.argsort(places[first]))
    group = rank[group]
    again = np.lexsort((places, group))
    return Groups(places=places[again], group=group[again].astype(np.int64))
