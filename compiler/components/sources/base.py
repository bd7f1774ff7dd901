"""The base of data sources."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import Path
from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Source(Component):
    """Where rows come from.

    `suffixes` are the endings by which a bare path is taken for this source.

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    kind: ClassVar[str] = "source"
    suffixes: ClassVar[tuple[str, ...]] = ()

    path: Path


def for_path(path: str) -> Source | None:
    """The source that a bare path stands for, by its suffix; None for a suffix that no
    source has. A path without one is a folder of images."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    for candidate in registry.names("source"):
        source = registry.load("source", candidate)
        assert issubclass(source, Source)
        if any(name.endswith(suffix) if suffix else "." not in name for suffix in source.suffixes):
            return source(path=path)
    return None
