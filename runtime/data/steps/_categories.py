"""Counting and finding categories."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dlc.compiler.components.base import ComponentError
from dlc.runtime.data.steps.base import Array


def ranked(counts: Counter[str] | Counter[int], least: int, most: int | None, what: str) -> Array:
    """The categories that occur `least` times, the most frequent first, equal ones in order:
    texts as objects, numbers as int64. Raises `ComponentError` where there are none."""
    often = [(-count, entry) for entry, count in counts.items() if count >= least]
    # Code points order texts everywhere alike.
    entries = [entry for _, entry in sorted(often)][:most]
    if not entries:
        raise ComponentError(
            "E0606",
            f"`{what}` finds no category that the training part has {least} times"
            if counts
            else f"`{what}` finds no category in the training part",
            help="give a smaller `min_count`" if counts else "leave the column out",
        )
    numbers = isinstance(entries[0], int)
    return np.array(entries, dtype=np.int64 if numbers else object)


def places(values: Array, entries: Array, *, first: int, default: int) -> Array:
    """The place of each value among the entries, counted from `first`."""
    index = {entry: first + place for place, entry in enumerate(entries.tolist())}
    found = [index.get(value, default) for value in values.reshape(-1).tolist()]
    return np.array(found, dtype=np.int64).reshape(values.shape)


def each(values: Array) -> list[str] | list[int]:
    """All values of any shape in one list."""
    listed: list[str] | list[int] = values.reshape(-1).tolist()
    return listed
