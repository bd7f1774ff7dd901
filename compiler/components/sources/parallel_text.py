"""Texts whose lines belong together, such as a text and its translation."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class ParallelText(Source):
    """Texts whose lines belong together, such as a text and its translation.

        data:
          source:
            parallel_text: {path: data/europarl, texts: {english: en.txt, german: de.txt.gz}}
          columns: {source: english, target: german}

    Each text is a column, a line of each a sample. All need the same number of lines; an
    empty line is a sample too. Files may be compressed (`.gz`, `.zst`).

    Arguments:
        path: the folder of the files, below the folder of the spec
        texts: for each column its file, below `path`
    """

    name: ClassVar[str] = "parallel_text"

    texts: dict[str, Path]

    def validate(self) -> None:
        if len(self.texts) < 2:
            raise ComponentError(
                "E0302",
                "texts side by side are at least two",
                blame="texts",
                help="of one text each line is a sample: `source: {text_lines: {path: ...}}`",
            )
