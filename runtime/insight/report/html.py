"""Pieces of a page. All text that comes from a run, its spec or its data is escaped here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from dlc.compiler.diagnostics.model import Diagnostic

_CODE = re.compile(r"`([^`]+)`")
_RIGHT = ' class="n"'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int]) -> str:
    """A table whose columns `numbers`, counted from 0, stand to the right."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{_RIGHT if k in numbers else ''}>{escape(text)}</{tag}>"
            for k, text in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def prose(text: str) -> str:
    """A text with names between backticks."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def tile(name: str, value: str) -> str:
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'


def finding(code: str, message: str, details: Iterable[str | None] = (), level: str = "") -> str:
    more = "".join(f"<div>{prose(text)}</div>" for text in details if text)
    return f'<div class="finding {level}"><b>{escape(code)}</b> {prose(message)}{more}</div>'


def diagnostic(found: Diagnostic) -> str:
    place = found.primary.span.location.line if found.primary is not None else None
    where = (f"line {place} of the resolved spec",) if place is not None else ()
    return finding(
        found.code.number,
        found.message,
        (*where, *found.notes, found.help),
        found.severity.value,
    )


def matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix: a row for each true class; the more of a row, the darker the cell."""
    head = "".join(f'<th class="top">{escape(name)}</th>' for name in labels)
    rows = []
    for name, row in zip(labels, counts, strict=True):
        total = max(sum(row), 1)
        cells = "".join(
            f'<td style="background: rgb(var(--cell) / {0.75 * count / total:.3f})">'
            f"{f'{count:,}' if count else ''}</td>"
            for count in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return (
        '<p class="soft">rows are true classes, columns answers</p><div class="wide">'
        f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def number(value: float | None) -> str:
    """Four digits, `-` where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.4g}"


def bytes_text(count: float) -> str:
    """`512 B`, `1.3 GB`; a kB has 1,000 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def page(title: str, style: str, body: Iterable[str]) -> str:
    """A page that loads nothing and runs nothing."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            *body,
            "</body></html>\n",
        ]
    )
