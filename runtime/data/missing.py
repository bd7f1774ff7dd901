"""How many labels are missing, where a loss leaves them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.ragged import Ragged

#: The parts by name, and as a sentence names them.
_PARTS = {"train": "training", "validation": "validation", "test": "test"}

#: By target and part: how many labels there are not, and how many there could be.
Missing = dict[str, dict[str, dict[str, int]]]


def missing_record(data: DataSet, marks: Mapping[str, int | None]) -> Missing:
    """For `run.json` and `summary.json`: of each target, how many labels of each part are
    missing. `marks` are the targets that may lack some, with the class number that stands for
    a missing label, None where that is NaN (`missing_labels`). Targets that an objective draws
    anew in every epoch are not counted."""
    found: Missing = {}
    for name, mark in marks.items():
        values = data.arrays.get(name)
        if values is None or isinstance(values, Ragged):
            continue
        absent = np.isnan(values) if mark is None else values == mark
        parts = {part: absent[data.division.part(part)] for part in _PARTS}
        found[name] = {
            part: {"missing": int(np.count_nonzero(among)), "of": among.size}
            for part, among in parts.items()
        }
    return found


def say_missing(record: Missing, say: Callable[[str], None]) -> None:
    """A line for each target that lacks labels."""
    for name, parts in record.items():
        counts = [
            f"{count['missing']:,} of {count['of']:,} in the {_PARTS[part]} part"
            for part, count in parts.items()
            if count["missing"]
        ]
        if counts:
            say(f"labels of `{name}` that are missing and left out: {', '.join(counts)}")
