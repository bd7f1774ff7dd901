"""What a check of data is. One check is one file: its docstring says what, why and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dlc.compiler.diagnostics.model import Code
from dlc.runtime.data.audit.facts import Facts

#: So many rows are listed in `profile.json`; a message names a few of them.
LISTED_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding. `about` is the input or target whose entry in the spec it points at, None
    for the data as a whole; `rows` are rows of the file, counted from 1; `numbers` is what
    the message rests on, for `profile.json`."""

    code: Code
    message: str
    about: str | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None
    rows: tuple[int, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """For `profile.json`."""
        found: dict[str, Any] = {
            "code": self.code.number,
            "name": self.code.name,
            "about": self.about,
            "message": self.message,
        }
        if self.rows:
            found["rows"] = list(self.rows)
        return found | dict(self.numbers)


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


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """ "1 row", "2,000 rows"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def share(count: int, total: int) -> str:
    """A share in words: "12 %", "0.03 %"."""
    percent = 100 * count / max(total, 1)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def figure(value: float) -> str:
    """A number as a message gives it."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


def _joined(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]
