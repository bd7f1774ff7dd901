"""What a finding about data is, and how its figures are worded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Protocol

from dlc.compiler.analysis.data_profile import DataProfile
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Code
from dlc.compiler.record import component


@component
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


class DataLint(Protocol):
    """A module in this folder: its catalogued code, and what it finds."""

    CODE: Code

    def check(self, compilation: Compilation, profile: DataProfile) -> Iterator[Finding]: ...


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
