"""A file with a JSON object a line."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class JsonLines(Source):
    """A file with a JSON object a line.

        data: {source: data/events.jsonl}

    Arguments:
        path: the file, below the folder of the spec
    """

    name: ClassVar[str] = "json_lines"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
