"""An Arrow or Feather file."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Arrow(Source):
    """An Arrow or Feather file.

        data: {source: data/events.arrow}

    Files and streams of Arrow's IPC format, which version 2 of Feather is, are read a batch
    at a time.

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    name: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".feather", ".arrows")
