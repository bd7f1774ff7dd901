"""A table of values separated by commas."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Csv(Source):
    """A table of values separated by commas.

        data: {source: {csv: {path: data/measurements.txt, delimiter: ";"}}}

    The first line names the columns. An empty value is missing. Files may be compressed
    (`.csv.gz`, `.csv.zst`).

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
        delimiter: the character between two values
    """

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".csv.zst")

    delimiter: str = ","

    def validate(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in '"\n\r':
            raise ComponentError(
                "E0302",
                f"{self.delimiter!r} cannot separate values",
                blame="delimiter",
                help="give one character, such as `,` or `;`",
            )
