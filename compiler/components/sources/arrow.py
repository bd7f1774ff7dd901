"""An Arrow or Feather file."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Arrow(Source):
    """An Arrow or Feather file.

        data: {source: data/events.arrow}

    Arguments:
        path: the file, below the folder of the spec
    """

    name: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".feather")
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "Arrow files are not read yet: write the data to a Parquet or CSV file"
    )
