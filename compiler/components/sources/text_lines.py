"""A text, a sample a line."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class TextLines(Source):
    """A text, a sample a line.

        data: {source: data/wiki.txt}

    The only column is `line`.

    Arguments:
        path: the file, below the folder of the spec
    """

    name: ClassVar[str] = "text_lines"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "text files are not read yet: write columns of numbers to a Parquet or CSV file"
    )
