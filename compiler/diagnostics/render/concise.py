"""One line a finding: `path:line:col: E0402 message`. What editors' error parsers read."""

from __future__ import annotations

from collections.abc import Sequence

from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.diagnostics.render.display import normalized, visible


def render_concise(diagnostics: Sequence[Diagnostic], *, dropped: int = 0) -> str:
    """Every finding, none left out; one without a place begins with `dlc:`."""
    lines = [_line(diagnostic) for diagnostic in diagnostics]
    if dropped:
        lines.append(f"dlc: {dropped} more not kept")
    return "\n".join(lines)


def _line(diagnostic: Diagnostic) -> str:
    place = str(normalized(diagnostic.primary.span)) if diagnostic.primary else "dlc"
    message = " ".join(diagnostic.message.splitlines())
    return visible(f"{place}: {diagnostic.code.number} {message}")
