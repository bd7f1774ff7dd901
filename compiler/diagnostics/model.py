"""What a diagnostic is, apart from how it is shown.

A message says what is wrong and stands alone; the primary label says why here;
`help` says what to do. Lower case, no full stop, backticks round names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from dlc.compiler.record import record
from dlc.compiler.source import Source, Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Applicability(Enum):
    """Whether a fix may be applied unasked (SAFE) or changes meaning (UNSAFE)."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY_ONLY = "display-only"


@record
class Code:
    """A catalogued kind of diagnostic: `E0402`, `shape-mismatch`."""

    number: str
    name: str
    summary: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return self.number


@record
class Label:
    """A place and what there is to say about it."""

    span: Span
    text: str = ""


@record
class Edit:
    span: Span
    replacement: str


@record
class Fix:
    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability = Applicability.SAFE


@record
class Diagnostic:
    """One finding. `primary` is None only for findings that have no place in a text."""

    code: Code
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def source(self) -> Source | None:
        return self.primary.span.source if self.primary else None


class DiagnosticError(Exception):
    """Carries diagnostics out of a phase that cannot go on. Caught by the driver."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = diagnostics


@dataclass(slots=True)
class Collector:
    """Where every stage leaves its findings, sideways.

    Equal code at an equal span is one finding. `limit` bounds the errors kept of
    one source, so that a hostile file cannot make an endless list; the rest are
    counted in `dropped`.
    """

    limit: int = 200
    dropped: int = 0
    _items: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[str, int, int, int, str]] = field(default_factory=set)

    def add(self, diagnostic: Diagnostic) -> None:
        where = diagnostic.primary.span if diagnostic.primary else None
        key = (
            diagnostic.code.number,
            id(where.source) if where else 0,
            where.start if where else -1,
            where.end if where else -1,
            "" if where else diagnostic.message,
        )
        if key in self._seen:
            return
        self._seen.add(key)
        if len(self._items) >= self.limit:
            self.dropped += 1
            return
        self._items.append(diagnostic)

    @property
    def is_full(self) -> bool:
        """Whether further findings are only counted: what is costly to word can be left out."""
        return len(self._items) >= self.limit

    def extend(self, diagnostics: Iterator[Diagnostic] | tuple[Diagnostic, ...]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def errors(self) -> int:
        return sum(d.severity is Severity.ERROR for d in self._items)

    @property
    def has_errors(self) -> bool:
        return self.errors > 0

    def sorted(self) -> tuple[Diagnostic, ...]:
        """By file in order of first report, then by offset."""
        files: dict[int, int] = {}
        for item in self._items:
            files.setdefault(id(item.source), len(files))
        return tuple(
            sorted(
                self._items,
                key=lambda d: (files[id(d.source)], d.primary.span.start if d.primary else -1),
            )
        )
