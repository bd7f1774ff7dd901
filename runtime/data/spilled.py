"""Data that is larger than memory and wanted in any order, as texts are by their lengths.

It is made once, block by block, and kept in files. What draws from it, puts rows of one
length together or cuts it into windows takes it for arrays in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dlc.runtime.augmentation.places import Unfinished
from dlc.runtime.data.columns import Array
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.recipe import Finished
from dlc.runtime.data.spill import Growing
from dlc.runtime.data.streaming import Stream


@dataclass
class _Rows:
    """Rows of different lengths on their way."""

    values: Growing
    lengths: list[Array] = field(default_factory=list)


def spilled(stream: Stream) -> Finished:
    """All samples of a stream, in files. Raises what reading them raises, and `Failure` E0611
    where there is no room."""
    shared = stream.recipe.shared
    dense: dict[str, Growing] = {}
    ragged: dict[str, _Rows] = {}
    raw: dict[str, tuple[Growing, Unfinished]] = {}
    for block in range(stream.count_blocks):
        made = stream.finished(block)
        for name, values in made.arrays.items():
            if isinstance(values, Ragged):
                rows = ragged.setdefault(name, _Rows(Growing(values.values.dtype)))
                rows.values.append(values.values)
                rows.lengths.append(values.lengths)
            elif name not in shared:
                if name not in dense:
                    dense[name] = Growing(values.dtype, values.shape[1:])
                dense[name].append(values)
        for name, found in made.unfinished.items():
            if name not in raw:
                raw[name] = Growing(found.values.dtype, found.values.shape[1:]), found
            raw[name][0].append(found.values)
    arrays: dict[str, Array | Ragged] = {name: rows.done() for name, rows in dense.items()}
    for name, rows_ in ragged.items():
        lengths = np.concatenate(rows_.lengths)
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        arrays[name] = Ragged(rows_.values.done(), offsets)
    arrays |= {target: arrays[name] for target, name in shared.items()}
    return Finished(
        arrays=arrays,
        unfinished={
            name: replace(found, values=written.done()) for name, (written, found) in raw.items()
        },
    )
