"""What is told of rows that were left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.formats.base import place_text
from dlc.runtime.failures import shown

#: So many rows are listed; all are counted.
LISTED = 20


def skipped_record(data: DataSet) -> dict[str, Any]:
    """For `run.json`: how many rows were left out, and the first of them."""
    rows = []
    for skipped in data.skipped[:LISTED]:
        row: dict[str, Any] = {"row": skipped.row, "reason": skipped.reason}
        if skipped.column is not None:
            row["column"] = skipped.column
        rows.append(row)
    return {"count": len(data.skipped), "rows": rows}


def say_skipped(data: DataSet, say: Callable[[str], None]) -> None:
    """A line that counts what was left out, and one for each of the first."""
    count = len(data.skipped)
    if not count:
        return
    total = count + len(data)
    say(f"left out {count:,} of {total:,} rows of `{shown(data.path)}`:")
    for skipped in data.skipped[:LISTED]:
        place = place_text(data.table.origin, skipped.row, skipped.column)
        say(f"  {place}: {skipped.reason}")
    if count > LISTED:
        say(f"  and {count - LISTED:,} more")
