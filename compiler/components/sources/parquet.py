"""A Parquet file."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Parquet(Source):
    """A Parquet file.

        data: {source: data/mnist10k.parquet}

    A column of lists is a tensor a row. Page checksums are verified where the file has them.

    Arguments:
        path: the file, below the folder of the spec; a glob (`part-*`) takes all that match,
            sorted by name
    """

    name: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
