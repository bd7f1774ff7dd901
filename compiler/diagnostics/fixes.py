"""Applying the edits of a fix to text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlc.compiler.diagnostics.model import Edit, Fix
from dlc.compiler.source import Source


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """`text` with all edits made; they must not overlap, else ValueError.

    Offsets are of the text before any edit. Two insertions at one place keep their order.
    """
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        if edit.span.start < at or edit.span.end < edit.span.start:
            raise ValueError("edits overlap")
        parts += (text[at : edit.span.start], edit.replacement)
        at = edit.span.end
    return "".join((*parts, text[at:]))


def changed_lines(fix: Fix) -> Iterator[tuple[Source, int, list[str], list[str]]]:
    """What a fix does, line by line: (source, first line's number, lines before, lines after).

    One item for each run of neighbouring lines, in the order of the text.
    """
    by_source: dict[int, list[Edit]] = {}
    for edit in fix.edits:
        by_source.setdefault(id(edit.span.source), []).append(edit)
    for edits in by_source.values():
        source = edits[0].span.source
        for group in _neighbours(source, sorted(edits, key=lambda e: e.span.start)):
            yield _changed(source, group)


def _neighbours(source: Source, edits: list[Edit]) -> Iterator[list[Edit]]:
    group: list[Edit] = []
    last_line = 0
    for edit in edits:
        line = source.location(edit.span.start).line
        if group and line > last_line + 1:
            yield group
            group = []
        group.append(edit)
        last_line = source.location(edit.span.end).line
    if group:
        yield group


def _changed(source: Source, edits: list[Edit]) -> tuple[Source, int, list[str], list[str]]:
    first = source.location(edits[0].span.start).line
    start = source.offset(first, 1)
    last = source.location(edits[-1].span.end)
    # An edit that ends where a line begins has not touched that line.
    whole_lines = last.column == 1 and last.line > first
    end = edits[-1].span.end if whole_lines else source.offset(last.line + 1, 1)
    shifted = [
        Edit(source.span(e.span.start - start, e.span.end - start), e.replacement) for e in edits
    ]
    before = source.text[start:end]
    return source, first, before.splitlines(), apply_edits(before, shifted).splitlines()
