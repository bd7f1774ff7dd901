"""All that an audit knows of the data of a spec: what its findings are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.compiler.analysis.data_profile import DataProfile, read_profile
from dlc.compiler.compilation import Compilation
from dlc.runtime.data.audit.cells import Codes, Prints
from dlc.runtime.data.audit.coincidence import expected_pairs
from dlc.runtime.data.audit.groups import Groups, equal_rows
from dlc.runtime.data.audit.profile import Column
from dlc.runtime.data.audit.sample import Places, Sample
from dlc.runtime.data.splits import PARTS

__all__ = ["Classes", "Facts", "Places", "Rows", "Sample"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a target. `codes` gives the class of each row, -1 where it is missing;
    the names are in the order of the class numbers."""

    target: str
    column: str
    names: tuple[str, ...]
    codes: Codes

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The data of one spec.

    `rows` are the rows of the file that `data.where` keeps, counted from 1, out of `total`,
    `skipped` of which could not be read and `data.on_bad_sample` leaves out.
    `part_of` gives the part of each as its place in `PARTS`. `input_prints` and
    `target_prints` tell rows apart by what fills the inputs and the targets. `unused` are
    columns of the file that fill nothing.
    """

    compilation: Compilation
    path: Path
    sha256: str
    total: int
    skipped: int
    rows: Rows
    part_of: npt.NDArray[np.int8]
    columns: tuple[Column, ...]
    unused: tuple[str, ...]
    input_prints: Prints
    target_prints: Prints
    classes: Mapping[str, Classes]
    sample: Sample

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def part_sizes(self) -> dict[str, int]:
        counts = np.bincount(self.part_of, minlength=len(PARTS))
        return dict(zip(PARTS, counts.tolist(), strict=True))

    @cached_property
    def equal_inputs(self) -> Groups:
        """The rows whose inputs are those of another row."""
        return equal_rows(self.input_prints)

    @cached_property
    def chance_pairs(self) -> float:
        """How many pairs of rows with equal inputs chance alone may bring."""
        return expected_pairs(self.columns, self.sample, len(self))

    def of(self, owner: str) -> tuple[Column, ...]:
        """The columns that fill an input or target."""
        return tuple(column for column in self.columns if column.owner == owner)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column.owner for column in self.columns))

    @cached_property
    def profile(self) -> DataProfile:
        """What lints of the compiler know of the data."""
        return read_profile({"format": 1, **self.record()})

    def record(self) -> dict[str, Any]:
        """For `profile.json`."""
        return {
            "rows": len(self),
            "rows_in_file": self.total,
            "rows_skipped": self.skipped,
            "parts": self.part_sizes,
            "sampled": len(self.sample),
            "columns": [column.record() for column in self.columns],
            "unused": list(self.unused),
            "classes": {
                name: dict(zip(found.names, found.counts.tolist(), strict=True))
                for name, found in self.classes.items()
            },
        }
