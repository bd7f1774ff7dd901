"""A text, a sample a line."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class TextLines(Source):
    """A text, a sample a line.

        data: {source: data/wiki.txt}

    The only column is `line`. An empty line is a sample too. Files may be compressed
    (`.txt.gz`, `.txt.zst`).

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    name: ClassVar[str] = "text_lines"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".txt.gz", ".txt.zst")
