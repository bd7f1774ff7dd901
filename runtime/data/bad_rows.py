"""Finding the rows that do not fit, where they may be left out."""

from __future__ import annotations

from typing import Any

from dlc.runtime.data.columns import Binding, extract
from dlc.runtime.data.formats.base import BadRow, Place, Rows, Skipped
from dlc.runtime.failures import Failure


def bad_rows(content: Any, binding: Binding, place: Place, rows: Rows) -> dict[int, Skipped]:
    """The rows, by number, that do not fit, found by halves: what fits whole is looked at once."""
    found: dict[int, Skipped] = {}
    only = content.select(list(binding.columns))
    pending = [(0, len(rows))]
    while pending:
        start, stop = pending.pop()
        try:
            extract(
                only.slice(start, stop - start),
                binding,
                place,
                rows=rows[start:stop].tolist(),
            )
        except Failure as error:
            # What no row is to blame for is the spec's fault.
            if not isinstance(error, BadRow) and stop - start == len(rows):
                raise
            if stop - start > 1:
                middle = (start + stop) // 2
                pending += [(middle, stop), (start, middle)]
                continue
            row = int(rows[start])
            column = error.column if isinstance(error, BadRow) else None
            reason = error.reason if isinstance(error, BadRow) else error.diagnostic.message
            found[row] = Skipped(row=row, column=column or binding.columns[0], reason=reason)
    return found
