"""A file of NumPy arrays, an array a column."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Npz(Source):
    """A file of NumPy arrays, an array a column.

        data: {source: data/digits.npz}

    The first dim of each array counts the rows, and is the same for all that are read.
    Arrays of Python objects are refused.

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    name: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
