"""A file with a JSON object a line."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class JsonLines(Source):
    """A file with a JSON object a line.

        data: {source: data/events.jsonl}

    The keys of the first object are the columns; a key that another lacks is missing there.
    Files may be compressed (`.jsonl.gz`, `.jsonl.zst`).

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    name: ClassVar[str] = "json_lines"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".jsonl",
        ".jsonl.gz",
        ".jsonl.zst",
        ".ndjson",
        ".ndjson.gz",
        ".ndjson.zst",
    )
