"""How many rows are to be answered, as far as that is known without reading them."""

from __future__ import annotations

from dlc.runtime.data.formats.base import Table
from dlc.runtime.data.formats.image_folder import ImageFolder
from dlc.runtime.prediction.request import Job


def rows_of(job: Job) -> int | None:
    """The rows of all tables; None where a table has to be read to know."""
    if job.only is not None:
        return len(job.only)
    counts = [_rows(table) for table in job.tables]
    known = [count for count in counts if count is not None]
    total = sum(known) if len(known) == len(counts) else None
    if job.limit is None or (total is not None and total < job.limit):
        return total
    return job.limit


def _rows(table: Table) -> int | None:
    if isinstance(table, ImageFolder):
        return len(table.files)
    stored = table.stored()
    return sum(stored.rows) if stored is not None else None
