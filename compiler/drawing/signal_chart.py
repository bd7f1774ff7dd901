"""Signals and gradients as a chart: a row a layer, sizes on a scale of powers of ten.

The rows go down as the data goes through the network. Where a size is not known the line has a
gap, and where it is a guess the point is hollow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from dlc.compiler.drawing.metrics import FONTS, text_width
from dlc.compiler.drawing.svg import escape
from dlc.compiler.record import component

WIDTH = 760.0
_ROW, _TOP, _BOTTOM = 22.0, 96.0, 52.0
_LEFT, _RIGHT = 258.0, 96.0
_NAME_SIZE = 12.0
_STYLE = (
    f"text{{font-family:{FONTS};font-size:12px;fill:var(--ink)}}"
    ".title{font-size:15px;font-weight:600}.soft{fill:var(--soft)}.bad{fill:var(--bad)}"
    ".grid{stroke:var(--line);stroke-width:1}.one{stroke:var(--soft);stroke-width:1}"
    ".band{fill:var(--bad);opacity:.08}.row{stroke:var(--line);stroke-width:.5}"
    ".s{stroke:var(--c0);fill:var(--c0)}.g{stroke:var(--c1);fill:var(--c1)}"
    ".w{stroke:var(--c2);fill:var(--c2)}"
    "path.s,path.g,path.w{fill:none;stroke-width:1.6;stroke-linejoin:round}"
    ".guess{fill:var(--back);stroke-width:1.4}"
)
_LIGHT = (
    "--ink:#1f2328;--soft:#656d76;--line:#d8dee4;--back:#ffffff;--bad:#cf222e;"
    "--c0:#2f6fad;--c1:#c2571a;--c2:#2e8b57"
)
_DARK = (
    "--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--back:#0d1117;--bad:#f85149;"
    "--c0:#6ca4dc;--c1:#e8935c;--c2:#5fbf8a"
)


@component
class SignalRow:
    """A layer: root mean squares of its signal, of the gradient there and of that of its weights,
    None where one is not known; `exact` is False where they are a guess, and `verdict` is a word,
    which is set off where it is `bad`."""

    name: str
    shape: str
    signal: float | None
    gradient: float | None
    weights: float | None
    exact: bool = True
    verdict: str = ""
    bad: bool = False


@component
class SignalChart:
    """`low` and `high` are the sizes beyond which a signal is lost; `notes` stand below."""

    title: str
    rows: Sequence[SignalRow]
    low: float
    high: float
    notes: Sequence[str] = ()


def write_signal_chart(chart: SignalChart) -> str:
    """The text of an SVG file that is WIDTH wide; light or dark as its reader has it."""
    height = _TOP + _ROW * len(chart.rows) + _BOTTOM + 16.0 * len(chart.notes)
    style = (
        f"svg{{{_LIGHT};background:var(--back)}}"
        f"@media (prefers-color-scheme:dark){{svg{{{_DARK}}}}}{_STYLE}"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" '
        f'width="{WIDTH:g}" height="{height:g}" role="img">',
        f"<title>{escape(chart.title)}</title>",
        f"<style>{style}</style>",
        f'<text class="title" x="16" y="26">{escape(chart.title)}</text>',
        *_legend(),
        *_Body(chart).lines(),
    ]
    for number, note in enumerate(chart.notes):
        at = height - 14 - 16 * (len(chart.notes) - 1 - number)
        lines.append(f'<text class="soft" x="16" y="{at:g}">{escape(note)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def write_signal_page(chart: SignalChart) -> str:
    """The text of an HTML file that shows the chart."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(chart.title)}</title>\n"
        "<style>:root{color-scheme:light dark}body{margin:1rem auto;padding:0 .5rem;"
        "max-width:1000px;background:#fff}@media (prefers-color-scheme:dark){body{"
        "background:#0d1117}}div{overflow-x:auto}svg{display:block;width:100%;min-width:660px;"
        "height:auto}@media print{svg{min-width:0}}</style>\n"
        f"</head>\n<body>\n<div>{write_signal_chart(chart)}</div>\n</body>\n</html>\n"
    )


def _legend() -> Iterator[str]:
    at = 16.0
    for kind, text in (
        ("s", "signal"),
        ("g", "gradient, over the output's"),
        ("w", "gradient of the weights"),
    ):
        yield f'<circle class="{kind}" cx="{at + 4:g}" cy="46" r="4"/>'
        yield f'<text class="soft" x="{at + 14:g}" y="50">{text}</text>'
        at += 34 + text_width(text, _NAME_SIZE)


class _Body:
    def __init__(self, chart: SignalChart) -> None:
        self.chart = chart
        known = [
            size
            for row in chart.rows
            for size in (row.signal, row.gradient, row.weights)
            if size is not None and size > 0
        ]
        # Beyond thirty decades a line leaves the page rather than flattening all others.
        powers = [min(max(math.log10(size), -30.0), 30.0) for size in known]
        self.first = min(math.floor(min(powers, default=0.0)), -2)
        self.last = max(math.ceil(max(powers, default=0.0)), 2)
        self.bottom = _TOP + _ROW * len(chart.rows)
        self.right = WIDTH - _RIGHT

    def x(self, size: float) -> float:
        power = math.log10(size) if size > 0 else self.first
        share = (power - self.first) / (self.last - self.first)
        return _LEFT + (self.right - _LEFT) * min(max(share, 0.0), 1.0)

    def y(self, place: int) -> float:
        return _TOP + _ROW * (place + 0.5)

    def lines(self) -> Iterator[str]:
        yield from self._scale()
        for place, row in enumerate(self.chart.rows):
            yield from self._row(place, row)
        yield from self._course("w", lambda row: row.weights)
        yield from self._course("g", lambda row: row.gradient)
        yield from self._course("s", lambda row: row.signal)

    def _scale(self) -> Iterator[str]:
        for start, end in (
            (_LEFT, self.x(self.chart.low)),
            (self.x(self.chart.high), self.right),
        ):
            if end - start > 0.5:
                yield (
                    f'<rect class="band" x="{start:.1f}" y="{_TOP:g}" width="{end - start:.1f}" '
                    f'height="{self.bottom - _TOP:g}"/>'
                )
        stride = max(1, math.ceil((self.last - self.first) / 10))
        for power in range(self.first, self.last + 1):
            if power % stride:
                continue
            at = self.x(10.0**power)
            kind = "one" if power == 0 else "grid"
            yield f'<path class="{kind}" d="M{at:.1f} {_TOP:g}V{self.bottom:g}"/>'
            label = {0: "1", 1: "10", -1: "0.1"}.get(power, f"1e{power}")
            for height in (_TOP - 8, self.bottom + 16):
                yield (
                    f'<text class="soft" x="{at:.1f}" y="{height:g}" '
                    f'text-anchor="middle">{label}</text>'
                )

    def _row(self, place: int, row: SignalRow) -> Iterator[str]:
        y = self.y(place)
        yield f'<path class="row" d="M16 {y + _ROW / 2:g}H{WIDTH - 16:g}"/>'
        name = _shortened(row.name, 124.0)
        yield f'<text x="16" y="{y + 4:g}"><title>{escape(row.name)}</title>{escape(name)}</text>'
        shape = _shortened(row.shape, _LEFT - 156.0)
        yield (
            f'<text class="soft" x="{_LEFT - 12:g}" y="{y + 4:g}" text-anchor="end">'
            f"{escape(shape)}</text>"
        )
        kind = "bad" if row.bad else "soft"
        yield (
            f'<text class="{kind}" x="{self.right + 14:g}" y="{y + 4:g}">'
            f"{escape(row.verdict)}</text>"
        )

    def _course(self, kind: str, size: Callable[[SignalRow], float | None]) -> Iterator[str]:
        parts: list[list[tuple[float, float]]] = [[]]
        points = []
        for place, row in enumerate(self.chart.rows):
            found = size(row)
            if found is None:
                # Layers without weights lie on the way from one to the next.
                if kind != "w":
                    parts.append([])
                continue
            at = self.x(found), self.y(place)
            parts[-1].append(at)
            hollow = " guess" if not row.exact and kind == "s" else ""
            told = f"{row.name}: {found:.3g}"
            points.append(
                f'<circle class="{kind}{hollow}" cx="{at[0]:.1f}" cy="{at[1]:g}" r="3.4">'
                f"<title>{escape(told)}</title></circle>"
            )
        for part in parts:
            if len(part) > 1:
                path = "L".join(f"{x:.1f} {y:g}" for x, y in part)
                yield f'<path class="{kind}" d="M{path}"/>'
        yield from points


def _shortened(text: str, width: float) -> str:
    """The end of a text that fits: of paths it tells more than the beginning."""
    if text_width(text, _NAME_SIZE) <= width:
        return text
    while text and text_width("…" + text, _NAME_SIZE) > width:
        text = text[1:]
    return "…" + text
