"""A table of values separated by tabs."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.csv import Csv
from dlc.compiler.record import component


@component
class Tsv(Csv):
    """A table of values separated by tabs.

        data: {source: data/measurements.tsv}

    The first line names the columns. An empty value is missing.

    Arguments:
        path: the file, below the folder of the spec
        delimiter: the character between two values
    """

    name: ClassVar[str] = "tsv"
    suffixes: ClassVar[tuple[str, ...]] = (".tsv",)

    delimiter: str = "\t"
