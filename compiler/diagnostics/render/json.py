"""One JSON object for programs: `{"dlc", "command", "ok", "diagnostics": [...], ...}`.

Lines and columns are 1-based, columns in Unicode code points; offsets are 0-based.
Written in ASCII with escapes, so that no terminal's or pipe's encoding can break it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlc.compiler.diagnostics.model import Diagnostic, Fix, Label, Severity
from dlc.compiler.diagnostics.render.display import normalized
from dlc.compiler.diagnostics.render.text import render_one
from dlc.compiler.source import Source, Span
from dlc.compiler.version import VERSION


def render_json(
    diagnostics: Sequence[Diagnostic], *, command: str, dropped: int, extra: Mapping[str, Any]
) -> str:
    """The object of one command. `ok` is true where no error was found.

    `extra` adds members and may set `ok`. Numbers that JSON lacks (NaN, infinity) become null.
    """
    document: dict[str, Any] = {
        "dlc": VERSION,
        "command": command,
        "ok": not dropped and not any(d.severity is Severity.ERROR for d in diagnostics),
        "diagnostics": [as_json(d) for d in diagnostics],
    }
    if dropped:
        document["dropped"] = dropped
    document.update(extra)
    return json.dumps(_finite(document), indent=2, allow_nan=False)


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The members of one finding; `rendered` holds its text form, without colour."""
    primary = diagnostic.primary
    place: dict[str, Any] = {"file": None, "start": None, "end": None}
    if primary:
        place = {"file": primary.span.source.name, **_range(primary.span)}
    return {
        "code": diagnostic.code.number,
        "name": diagnostic.code.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **place,
        "labels": [
            *([_label(primary, True)] if primary else []),
            *(_label(label, False) for label in diagnostic.secondary),
        ],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": _fix(diagnostic.fix) if diagnostic.fix else None,
        "rendered": render_one(diagnostic, color=False, width=100),
    }


def _label(label: Label, primary: bool) -> dict[str, Any]:
    return {
        "file": label.span.source.name,
        **_range(label.span),
        "primary": primary,
        "text": label.text,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "applicability": fix.applicability.value,
        "edits": [
            # The exact span: a fix is applied by it, so nothing is trimmed.
            {
                "file": edit.span.source.name,
                "start": _point(edit.span.source, edit.span.start),
                "end": _point(edit.span.source, edit.span.end),
                "replacement": edit.replacement,
            }
            for edit in fix.edits
        ],
    }


def _range(span: Span) -> dict[str, Any]:
    place = normalized(span)
    return {"start": _point(span.source, place.start), "end": _point(span.source, place.end)}


def _point(source: Source, offset: int) -> dict[str, int]:
    line, column = source.location(offset)
    return {"line": line, "column": column, "offset": offset}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
