"""The form for people: the message, the source underlined, notes, help.

    error[E0402]: `add` needs equal shapes, got [N, 64, 32, 32] and [N, 128, 16, 16]
      --> specs/resnet18.dlc:14:7
    12 |   a = conv2d(64, 3, padding=1)
       |   - [N, 64, 32, 32]
    ...
    14 |   y = a + b
       |       ^^^^^ these differ in channels and size
       = help: project the shortcut: `conv2d(128, 1, stride=2)`
       = explain: dlc explain E0402

There is no blank bar under the place: a misspelt key takes six lines, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlc.compiler.diagnostics.fixes import changed_lines
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Label, Severity
from dlc.compiler.diagnostics.render.display import normalized, visible
from dlc.compiler.diagnostics.render.snippet import Picture, gutter, picture
from dlc.compiler.source import Source

SHOWN: Final = 20
_MOST_FIX_LINES: Final = 8

_ANSI: Final = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "bold": "\x1b[1m",
    "frame": "\x1b[1;34m",
    "secondary": "\x1b[1;34m",
    "removed": "\x1b[31m",
    "added": "\x1b[32m",
}
_RESET: Final = "\x1b[0m"


def render_all(
    diagnostics: Sequence[Diagnostic], *, color: bool, width: int, dropped: int = 0
) -> str:
    """At most `SHOWN` findings, errors before warnings where not all fit, and a closing line."""
    shown = _most_important(diagnostics)
    explained: set[str] = set()
    parts = []
    for diagnostic in shown:
        first = diagnostic.code.number not in explained
        explained.add(diagnostic.code.number)
        parts.append(render_one(diagnostic, color=color, width=width, explain=first))
    closing = summary(diagnostics, dropped=dropped, hidden=len(diagnostics) - len(shown))
    if closing:
        parts.append(closing)
    return "\n\n".join(parts)


def render_one(diagnostic: Diagnostic, *, color: bool, width: int, explain: bool = True) -> str:
    """One finding; `explain` adds the line that names its page."""
    paint = _Paint(color, diagnostic.severity.value)
    lines = [
        paint(f"{diagnostic.severity.value}[{diagnostic.code.number}]", "primary")
        + paint(f": {visible(diagnostic.message)}", "bold")
    ]
    drawn = _sources(diagnostic, width)
    indent = max((gutter(rows) for _, rows in drawn), default=1)
    for (label, rows), arrow in zip(drawn, ["-->"] + [":::"] * len(drawn), strict=False):
        place = normalized(label.span)
        lines.append(" " * indent + paint(arrow, "frame") + " " + visible(str(place)))
        lines.extend(_framed(row, indent, paint) for row in rows)

    tail = [("note", note) for note in diagnostic.notes]
    if diagnostic.help:
        tail.append(("help", diagnostic.help))
    fix = _fix_lines(diagnostic, paint, indent)
    if explain and (drawn or tail or fix):
        tail.append(("explain", f"dlc explain {diagnostic.code.number}"))
    for kind, text in tail:
        if kind == "explain":
            lines.extend(fix)
        head = " " * indent + " " + paint("=", "frame") + " " + paint(f"{kind}:", "bold")
        first, *more = visible(text).splitlines() or [""]
        lines.append(f"{head} {first}")
        lines.extend(" " * (indent + len(kind) + 5) + line for line in more)
    if not explain:
        lines.extend(fix)
    return "\n".join(lines)


def summary(diagnostics: Sequence[Diagnostic], *, dropped: int = 0, hidden: int = 0) -> str:
    """`2 errors, 1 warning in lenet.yaml`; empty where one line already says all."""
    if len(diagnostics) + dropped <= 1 and all(d.source is None for d in diagnostics):
        return ""
    counts = []
    for severity in Severity:
        count = sum(d.severity is severity for d in diagnostics)
        if count:
            counts.append(f"{count} {severity.value}{'s' * (count > 1)}")
    if dropped:
        counts.append(f"{dropped} more not kept")
    names = list(dict.fromkeys(d.source.name for d in diagnostics if d.source is not None))
    where = f" in {visible(names[0])}" if len(names) == 1 else f" in {len(names)} files"
    text = ", ".join(counts) + (where if names else "")
    return f"{text}; {hidden} not shown, `--format concise` lists all" if hidden else text


def _most_important(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    if len(diagnostics) <= SHOWN:
        return list(diagnostics)
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    room = max(SHOWN - errors, 0)
    shown: list[Diagnostic] = []
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.ERROR:
            keep = len(shown) < SHOWN
        else:
            keep = room > 0
            room -= keep
        if keep:
            shown.append(diagnostic)
    return shown[:SHOWN]


def _sources(diagnostic: Diagnostic, width: int) -> list[tuple[Label, list[Picture]]]:
    """For each file concerned, the primary's first: its leading label and its rows."""
    if diagnostic.primary is None:
        return []
    groups: dict[int, tuple[Source, list[tuple[Label, bool]]]] = {}
    labels = [(diagnostic.primary, True), *((label, False) for label in diagnostic.secondary)]
    for label, primary in labels:
        source = label.span.source
        groups.setdefault(id(source), (source, []))[1].append((label, primary))
    room = max(width - len(str(max(s.line_count for s, _ in groups.values()))) - 3, 40)
    return [(group[0][0], picture(source, group, room)) for source, group in groups.values()]


def _framed(row: Picture, indent: int, paint: _Paint) -> str:
    text = "".join(paint(part, style) if style else part for part, style in row.runs)
    if row.elision:
        return paint("...", "frame") + (" " * max(indent, 1) + text if text else "")
    number = "" if row.number is None else str(row.number)
    return f"{paint(f'{number:>{indent}} |', 'frame')} {text}".rstrip()


def _fix_lines(diagnostic: Diagnostic, paint: _Paint, indent: int) -> list[str]:
    """The fix as a small diff. Where there is help, a single edit is what it says."""
    fix = diagnostic.fix
    if fix is None or not fix.edits:
        return []
    if diagnostic.help and len(fix.edits) == 1:
        replacement = fix.edits[0].replacement.strip()
        if fix.applicability is Applicability.SAFE or f"`{replacement}`" in diagnostic.help:
            return []
    unsafe = " (changes what the spec means)" * (fix.applicability is Applicability.UNSAFE)
    head = " " * indent + " " + paint("=", "frame") + " " + paint("fix:", "bold")
    lines = [f"{head} {visible(fix.title)}{unsafe}"]
    margin = " " * (indent + 3)
    for source, number, before, after in changed_lines(fix):
        elsewhere = source is not diagnostic.source
        if elsewhere:
            lines.append(f"{margin}in {visible(source.name)}")
        digits = len(str(number + max(len(before), len(after))))
        for sign, style, texts in (("-", "removed", before), ("+", "added", after)):
            for at, text in enumerate(texts[:_MOST_FIX_LINES], number):
                row = f"{at:>{digits}} {sign} {visible(text)}".rstrip()
                lines.append(margin + paint(row, style))
            if len(texts) > _MOST_FIX_LINES:
                lines.append(f"{margin}{' ' * digits} {sign} ...")
    return lines


class _Paint:
    """Puts colour round a text, or does not."""

    def __init__(self, color: bool, severity: str) -> None:
        self._codes = {**_ANSI, "primary": _ANSI[severity]} if color else {}

    def __call__(self, text: str, style: str) -> str:
        code = self._codes.get(style)
        return f"{code}{text}{_RESET}" if code else text
