"""Short ways to read a text in a test."""

from __future__ import annotations

from pathlib import Path

from dlc.compiler.diagnostics.model import Collector, Diagnostic
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse, tree

LANGUAGE = Path(__file__).resolve().parents[2] / "data" / "language"
PAIRS = sorted(path.stem for path in LANGUAGE.glob("*.yaml"))
TEXTS = sorted(LANGUAGE.rglob("*.yaml")) + sorted(LANGUAGE.rglob("*.dlc"))


def read(text: str, surface: str) -> tuple[tree.File | None, tuple[Diagnostic, ...]]:
    """The tree of a text and all findings, in order of place."""
    collector = Collector()
    file = parse(Source(f"spec.{surface}", text, surface), collector)
    return file, collector.sorted()


def read_well(text: str, surface: str) -> tree.File:
    """The tree of a text without findings."""
    file, findings = read(text, surface)
    assert not findings, [f"{place(f)} {f.message}" for f in findings]
    assert file is not None
    return file


def findings(text: str, surface: str) -> list[tuple[str, str]]:
    """`(line:column, code)` of every finding."""
    return [(place(finding), finding.code.number) for finding in read(text, surface)[1]]


def only(text: str, surface: str) -> Diagnostic:
    """The one finding of a text."""
    found = read(text, surface)[1]
    assert len(found) == 1, [f"{place(f)} {f.message}" for f in found]
    return found[0]


def place(finding: Diagnostic) -> str:
    assert finding.primary is not None
    location = finding.primary.span.location
    return f"{location.line}:{location.column}"


def fixed(finding: Diagnostic) -> str:
    """The text after the finding's fix."""
    assert finding.fix is not None
    assert finding.source is not None
    text = finding.source.text
    for edit in sorted(finding.fix.edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text
