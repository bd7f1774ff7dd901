"""Rows drawn so that every class comes equally often."""

from __future__ import annotations

import numpy as np

from dlc.runtime.data.splits import Rows
from dlc.runtime.seeding import permutation


def balanced(rows: Rows, classes: Rows, seed: int, epoch: int) -> Rows:
    """As many rows as there are, each class as often as any other to within one: a function
    of the seed and the epoch alone. `classes` holds a number for each of `rows`.

    A class is drawn from without putting back: all of its rows come once before one comes
    again. The classes that come once more than others change from epoch to epoch.
    """
    names = np.unique(classes)
    share, more = divmod(len(rows), len(names))
    lucky = set(permutation(len(names), seed, "lucky", epoch)[:more].tolist())
    drawn = []
    for index, name in enumerate(names):
        members = rows[classes == name]
        wanted = share + (index in lucky)
        rounds = -(-wanted // len(members))
        orders = [
            permutation(len(members), seed, "balance", epoch, index, turn) for turn in range(rounds)
        ]
        drawn.append(members[np.concatenate(orders)[:wanted]] if orders else members[:0])
    found: Rows = np.concatenate(drawn)
    return found
