"""The table in a file or folder, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dlc.runtime.data.formats.arrow import ArrowTable
from dlc.runtime.data.formats.base import (
    CHUNK_ROWS,
    BadRow,
    Origin,
    Place,
    Skipped,
    Table,
    bad_file,
    bad_value,
    locate,
)
from dlc.runtime.data.formats.delimited import DelimitedTable, TabTable
from dlc.runtime.data.formats.idx import IdxTable
from dlc.runtime.data.formats.image_folder import ImageFolder
from dlc.runtime.data.formats.json_lines import JsonLinesTable
from dlc.runtime.data.formats.npz import NpzTable
from dlc.runtime.data.formats.parquet import ParquetTable
from dlc.runtime.data.formats.text_lines import TextLinesTable
from dlc.runtime.failures import failure

__all__ = [
    "CHUNK_ROWS",
    "BadRow",
    "Origin",
    "Place",
    "Skipped",
    "Table",
    "bad_file",
    "bad_value",
    "locate",
    "open_table",
]

_FORMATS: dict[str, Callable[[Path], Table]] = {
    "csv": DelimitedTable,
    "tsv": TabTable,
    "json_lines": JsonLinesTable,
    "parquet": ParquetTable,
    "arrow": ArrowTable,
    "npz": NpzTable,
    "idx": IdxTable,
    "image_folder": ImageFolder,
    "text_lines": TextLinesTable,
}


def open_table(path: Path, format: str, *, delimiter: str | None = None) -> Table:
    """The table in a file; `format` is the name of a source component. Raises `Failure`:
    E0604 for a file that cannot be read, E0602 for a format that needs more than a path."""
    if format not in _FORMATS:
        raise failure(
            "E0602",
            f"`{format}` data is not read from one file",
            help="write the rows as " + ", ".join(f"`{name}`" for name in _FORMATS),
        )
    reader = _FORMATS[format]
    if delimiter is not None and reader in (DelimitedTable, TabTable):
        return DelimitedTable(path, delimiter)
    return reader(path)
