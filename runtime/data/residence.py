"""Whether data is held in memory or read in blocks, and what is told where it can be neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.data.formats.base import Stored
from dlc.runtime.data.memory import available_bytes
from dlc.runtime.data.reading import Opened
from dlc.runtime.data.recipe import Recipe
from dlc.runtime.failures import failure, shown

#: Takes a warning while there is still time to stop.
Tell: TypeAlias = Callable[[Diagnostic], None]

# Reading a file whole takes, at its peak, almost five times what is kept of it.
_SHARE_OF_FREE_MEMORY = 0.2
# Of a file that is read from its start, the columns lie in memory beside the arrays made of
# them: the peak for a CSV file of numbers, as measured.
_TIMES_ITS_SIZE = 2.5


def streamed(recipe: Recipe, opened: Opened, tell: Tell | None = None) -> Stored | None:
    """The blocks of the file where the data is to be read in blocks, else None. Data that is
    too large for the memory and cannot be read in blocks is told of (W0215) before it is read.
    Raises `Failure` E0520 where the spec asks for blocks that cannot be."""
    asked = recipe.data.memory
    if asked == "resident":
        return None
    stored = opened.table.stored()
    reason = _whole_only(opened, stored)
    if asked == "stream":
        if reason is not None:
            raise failure(
                "E0520",
                f"`data.memory: stream`: {reason[0]}",
                help=f"{reason[1]}, or leave `memory` out to hold it in memory",
            )
        return stored
    free = available_bytes()
    needed = 0 if free is None else _needed(recipe, opened, stored)
    if free is None or needed <= free:
        return None
    if reason is None:
        return stored
    if tell is not None:
        tell(_too_large(opened, needed, free, reason))
    return None


def _too_large(opened: Opened, needed: int, free: int, reason: tuple[str, str]) -> Diagnostic:
    return Diagnostic(
        code("W0215"),
        f"reading `{shown(opened.table.path)}` takes about {_gigabytes(needed)} of memory, and "
        f"{_gigabytes(free)} are free",
        notes=(f"it is read whole: {reason[0]}",),
        help=f"{reason[1]}, keep fewer rows or columns, or say that this is meant: "
        "`data.memory: resident`",
    )


def _whole_only(opened: Opened, stored: Stored | None) -> tuple[str, str] | None:
    """Why data cannot be read in blocks, and what helps."""
    if stored is None or not stored.rows:
        return (
            f"`{shown(opened.table.path)}` cannot be read from its middle",
            "store it as Parquet",
        )
    return None


def _needed(recipe: Recipe, opened: Opened, stored: Stored | None) -> int:
    """About what reading all rows takes at its peak, in bytes."""
    if stored is not None and stored.rows:
        return int(_kept(recipe, opened, stored) / _SHARE_OF_FREE_MEMORY)
    sizes = (path.stat().st_size for path in opened.table.files if path.is_file())
    read = len({*opened.columns(opened.bindings), *opened.deciding})
    return int(_TIMES_ITS_SIZE * sum(sizes) * read / max(len(opened.table.names), 1))


def _kept(recipe: Recipe, opened: Opened, stored: Stored) -> int:
    """About what all rows take when they are ready, in bytes."""
    bytes = 0
    for binding in opened.bindings:
        type = {**recipe.read, **recipe.targets}[binding.name]
        sizes = [dim if isinstance(dim, int) else 0 for dim in type.shape[1:]]
        # A size that the rows decide is in how many numbers a row has, where that is known.
        known = int(np.prod(sizes)) or len(binding.columns)
        if not all(sizes):
            known = max(known, _numbers_of(opened, stored, binding.columns[0]))
        bytes += known * np.dtype(type.dtype.value).itemsize
    return bytes * sum(stored.rows)


def _numbers_of(opened: Opened, stored: Stored, column: str) -> int:
    """How many numbers, or bytes, the first rows of a column hold on average."""
    first = next((i for i, rows in enumerate(stored.rows) if rows), 0)
    values = opened.table.block(first, [column])
    return int(values.nbytes / max(values.num_rows, 1))


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"
