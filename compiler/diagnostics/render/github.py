"""GitHub's workflow commands: a line a finding, shown beside the changed code."""

from __future__ import annotations

from collections.abc import Sequence

from dlc.compiler.diagnostics.model import Diagnostic, Severity
from dlc.compiler.diagnostics.render.display import normalized, visible

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """`::error file=…,line=…,col=…,endLine=…,endColumn=…,title=…::message`, a line each."""
    return "\n".join(_line(diagnostic) for diagnostic in diagnostics)


def _line(diagnostic: Diagnostic) -> str:
    properties: dict[str, object] = {}
    if diagnostic.primary:
        place = normalized(diagnostic.primary.span)
        start, end = place.location, place.end_location
        properties = {"file": place.source.name, "line": start.line, "col": start.column}
        properties |= {"endLine": end.line}
        # GitHub refuses an end column where the lines differ.
        if end.line == start.line:
            properties["endColumn"] = max(end.column - 1, start.column)
    properties["title"] = f"{diagnostic.code.number} {diagnostic.code.name}"
    text = [diagnostic.message]
    text += [f"note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        text.append(f"help: {diagnostic.help}")
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return visible(f"::{_COMMANDS[diagnostic.severity]} {written}::{_data(chr(10).join(text))}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
