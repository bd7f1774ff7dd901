"""SARIF 2.1.0, the format of code-scanning services."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from dlc.compiler.diagnostics.model import Code, Diagnostic, Fix, Label, Severity
from dlc.compiler.diagnostics.pages import read_page
from dlc.compiler.diagnostics.render.display import normalized
from dlc.compiler.source import Span
from dlc.compiler.version import VERSION

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One run, whose rules are the codes that were found."""
    codes = sorted({d.code.number: d.code for d in diagnostics}.values(), key=lambda c: c.number)
    index = {code.number: i for i, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {
                "name": "dlc",
                "semanticVersion": VERSION,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, index[d.code.number]) for d in diagnostics],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2)


def _rule(code: Code) -> dict[str, Any]:
    page = read_page(code.number)
    return {
        "id": code.number,
        "name": "".join(part.capitalize() for part in code.name.split("-")),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": page.summary},
        "help": {"text": page.plain, "markdown": page.text},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    text = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help:
        text.append(f"help: {diagnostic.help}")
    result: dict[str, Any] = {
        "ruleId": diagnostic.code.number,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(text)},
    }
    if diagnostic.primary:
        result["locations"] = [_location(diagnostic.primary)]
    if diagnostic.secondary:
        result["relatedLocations"] = [
            {"id": i, **_location(label)} for i, label in enumerate(diagnostic.secondary)
        ]
    if diagnostic.fix and diagnostic.fix.edits:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _location(label: Label) -> dict[str, Any]:
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(label.span)},
            "region": _region(normalized(label.span)),
        }
    }
    if label.text:
        place["message"] = {"text": label.text}
    return place


def _region(span: Span) -> dict[str, int]:
    start, end = span.location, span.end_location
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "charOffset": span.start,
        "charLength": span.end - span.start,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    by_file: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        by_file.setdefault(_uri(edit.span), []).append(
            {
                "deletedRegion": _region(edit.span),
                "insertedContent": {"text": edit.replacement},
            }
        )
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": {"uri": uri}, "replacements": replacements}
            for uri, replacements in by_file.items()
        ],
    }


def _uri(span: Span) -> str:
    path = PurePath(span.source.name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
