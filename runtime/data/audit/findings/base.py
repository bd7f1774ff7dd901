"""What a check of data is. One check is one file: its docstring says what, why and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dlc.compiler.data_lints.base import Finding, counted, figure, share
from dlc.compiler.diagnostics.model import Code
from dlc.runtime.data.audit.facts import Facts

__all__ = ["LISTED_ROWS", "Check", "Finding", "counted", "figure", "named", "numbered", "share"]

#: So many rows are listed in `profile.json`; a message names a few of them.
LISTED_ROWS = 100


class Check(Protocol):
    """A module in this folder: its catalogued code, and what it finds."""

    CODE: Code

    def check(self, facts: Facts) -> Iterator[Finding]: ...


def named(names: Sequence[str], most: int = 4) -> str:
    """Names as a message gives them: "`a`, `b` and 3 more"."""
    quoted = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return ", ".join(quoted) + f" and {len(names) - most} more"
    return _joined(quoted)


def numbered(rows: Sequence[int] | npt.NDArray[np.int64], most: int = 4) -> str:
    """Rows as a message gives them: "rows 3, 17 and 2,040"."""
    shown = [f"{int(row):,}" for row in rows[:most]]
    if len(rows) == 1:
        return f"row {shown[0]}"
    if len(rows) > most:
        return "rows " + ", ".join(shown) + ", ..."
    return "rows " + _joined(shown)


def _joined(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]
