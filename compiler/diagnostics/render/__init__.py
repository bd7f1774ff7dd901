"""Diagnostics as text for people and as documents for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dlc.compiler.diagnostics.model import Diagnostic

FORMATS: Final = ("text", "concise", "json", "sarif", "github")


def render(
    diagnostics: Sequence[Diagnostic],
    format: str = "text",
    *,
    color: bool = False,
    width: int = 100,
    command: str = "check",
    dropped: int = 0,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """All findings of one command in one of `FORMATS`, without a line break at the end.

    `dropped` counts the findings that the collector did not keep. `extra` are the
    further members of the JSON object; the other formats leave them out. Text is empty
    where there is nothing to say; JSON and SARIF are whole documents even then.
    Raises ValueError for an unknown format.
    """
    # Each renderer is imported on use: `dlc check` of a good spec needs none of them.
    if format == "text":
        from dlc.compiler.diagnostics.render.text import render_all

        return render_all(diagnostics, color=color, width=width, dropped=dropped)
    if format == "concise":
        from dlc.compiler.diagnostics.render.concise import render_concise

        return render_concise(diagnostics, dropped=dropped)
    if format == "json":
        from dlc.compiler.diagnostics.render.json import render_json

        return render_json(diagnostics, command=command, dropped=dropped, extra=extra or {})
    if format == "sarif":
        from dlc.compiler.diagnostics.render.sarif import render_sarif

        return render_sarif(diagnostics)
    if format == "github":
        from dlc.compiler.diagnostics.render.github import render_github

        return render_github(diagnostics)
    raise ValueError(f"no format `{format}`; there are {', '.join(FORMATS)}")
