"""A table of values separated by tabs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.csv import Csv
from dlc.compiler.record import component


@component
class Tsv(Csv):
    """A table of values separated by tabs.

        data: {source: data/measurements.tsv}

    The first line names the columns. An empty value is missing. Files may be compressed
    (`.tsv.gz`, `.tsv.zst`).

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
        delimiter: the character between two values
    """

    name: ClassVar[str] = "tsv"
    suffixes: ClassVar[tuple[str, ...]] = (".tsv", ".tsv.gz", ".tsv.zst")

    delimiter: str = "\t"
