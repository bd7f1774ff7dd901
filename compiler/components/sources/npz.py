"""A file of NumPy arrays, an array a column."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Npz(Source):
    """A file of NumPy arrays, an array a column.

        data: {source: data/digits.npz}

    Arguments:
        path: the file, below the folder of the spec
    """

    name: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "NumPy files are not read yet: write the data to a Parquet or CSV file"
    )
