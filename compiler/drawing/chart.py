"""A course as a chart: one line over an axis, as SVG or as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dlc.compiler.drawing.metrics import FONTS
from dlc.compiler.drawing.svg import escape
from dlc.compiler.record import component

WIDTH, HEIGHT = 720.0, 400.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 76.0, 24.0, 48.0, 52.0
_STYLE = (
    f"text{{font-family:{FONTS};font-size:12px;fill:#33373c}}"
    ".title{font-size:15px;font-weight:600;fill:#1c1e21}"
    ".grid{stroke:#dfe2e7;stroke-width:1}.axis{stroke:#4a4f57;stroke-width:1}"
    ".line{fill:none;stroke:#2563a8;stroke-width:1.8;stroke-linejoin:round}"
    ".mark{stroke:#b3541e;stroke-width:1.2;stroke-dasharray:4 3}.mark-text{fill:#b3541e}"
)
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@component
class Chart:
    """A line through points, from left to right; `marks` are places on the x axis with a name.
    With `log_x` the axis has powers of ten at equal distances."""

    title: str
    x_label: str
    y_label: str
    xs: Sequence[float]
    ys: Sequence[float]
    marks: Sequence[tuple[float, str]] = ()
    log_x: bool = False


def write_chart(chart: Chart) -> str:
    """The text of an SVG file of WIDTH by HEIGHT."""
    x = _Scale(chart.xs, _LEFT, WIDTH - _RIGHT, log=chart.log_x)
    y = _Scale(_from_zero(chart.ys), HEIGHT - _BOTTOM, _TOP)
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'width="{WIDTH:g}" height="{HEIGHT:g}">',
        f"<title>{escape(chart.title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT:g}" y="26">{escape(chart.title)}</text>',
    ]
    for value in y.ticks:
        at = y.at(value)
        lines.append(f'<path class="grid" d="M{_LEFT:g} {at:.1f}H{right:g}"/>')
        lines.append(
            f'<text x="{_LEFT - 8:g}" y="{at + 4:.1f}" text-anchor="end">{shown(value)}</text>'
        )
    for value in x.ticks:
        at = x.at(value)
        lines.append(f'<path class="axis" d="M{at:.1f} {bottom:g}v5"/>')
        lines.append(
            f'<text x="{at:.1f}" y="{bottom + 20:g}" text-anchor="middle">{shown(value)}</text>'
        )
    lines.append(f'<path class="axis" d="M{_LEFT:g} {bottom:g}H{right:g}"/>')
    for place, name in chart.marks:
        at = x.at(place)
        anchor = "end" if at > WIDTH * 0.7 else "start"
        shift = -5 if anchor == "end" else 5
        lines.append(f'<path class="mark" d="M{at:.1f} {_TOP:g}V{bottom:g}"/>')
        lines.append(
            f'<text class="mark-text" x="{at + shift:.1f}" y="{_TOP + 12:g}" '
            f'text-anchor="{anchor}">{escape(name)}</text>'
        )
    points = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in _thinned(chart))
    lines.append(f'<polyline class="line" points="{points}"/>')
    middle = (_LEFT + right) / 2
    lines.append(
        f'<text x="{middle:g}" y="{HEIGHT - 12:g}" text-anchor="middle">'
        f"{escape(chart.x_label)}</text>"
    )
    lines.append(f'<text x="{right:g}" y="26" text-anchor="end">{escape(chart.y_label)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def write_page(chart: Chart) -> str:
    """The text of an HTML file that shows the chart."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(chart.title)}</title>\n"
        "<style>body{margin:2rem;background:#fff}svg{max-width:100%;height:auto}</style>\n"
        f"</head>\n<body>\n{write_chart(chart)}</body>\n</html>\n"
    )


def text_chart(chart: Chart, columns: int = 64, rows: int = 12) -> str:
    """The chart in characters: `rows` lines of braille dots, four to a line and two to a
    column, with the axes' ends in numbers."""
    x = _Scale(chart.xs, 0, columns * 2 - 1, log=chart.log_x)
    y = _Scale(_from_zero(chart.ys), rows * 4 - 1, 0)
    cells = [[0] * columns for _ in range(rows)]
    points = [(x.at(a), y.at(b)) for a, b in zip(chart.xs, chart.ys, strict=True)]
    for (left, start), (right, end) in zip(points, points[1:] or points, strict=False):
        steps = max(1, math.ceil(max(abs(right - left), abs(end - start))))
        for step in range(steps + 1):
            column = round(left + (right - left) * step / steps)
            row = round(start + (end - start) * step / steps)
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    high, low = shown(y.high), shown(y.low)
    margin = max(len(high), len(low))
    lines = [chart.title, ""]
    for number, cell in enumerate(cells):
        label = high if number == 0 else low if number == rows - 1 else ""
        braille = "".join(chr(0x2800 + dots) if dots else " " for dots in cell)
        lines.append(f"{label:>{margin}} │{braille}".rstrip())
    first, last = shown(x.low), shown(x.high)
    lines.append(f"{'':>{margin}} └{'─' * columns}")
    gap = columns - len(first) - len(last)
    lines.append(f"{'':>{margin}}  {first}{chart.x_label:^{gap}}{last}")
    return "\n".join(lines)


def shown(value: float) -> str:
    """A number at an axis: `0.003`, `3e-5`, `1,000`."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


class _Scale:
    """From values to places between two ends."""

    def __init__(
        self, values: Sequence[float], start: float, end: float, *, log: bool = False
    ) -> None:
        self.low, self.high = min(values), max(values)
        if self.low == self.high and not log:
            around = abs(self.low) or 1.0
            self.low, self.high = self.low - around, self.high + around
        self._start, self._end, self._log = start, end, log

    def at(self, value: float) -> float:
        low, high = self._plain(self.low), self._plain(self.high)
        share = (self._plain(value) - low) / (high - low) if high > low else 0.0
        return self._start + (self._end - self._start) * min(max(share, 0.0), 1.0)

    def _plain(self, value: float) -> float:
        return math.log10(value) if self._log else value

    @property
    def ticks(self) -> list[float]:
        if self._log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        width = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(width))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= width)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _from_zero(values: Sequence[float]) -> Sequence[float]:
    """The values, and 0 where it is not far: heights are compared from there."""
    return [0.0, *values] if 0 < min(values) <= 0.5 * max(values) else values


def _thinned(chart: Chart, most: int = 2000) -> list[tuple[float, float]]:
    """The points, or of very many of them some, with the first and the last."""
    points = list(zip(chart.xs, chart.ys, strict=True))
    if len(points) <= most:
        return points
    stride = math.ceil(len(points) / most)
    return [*points[:-1:stride], points[-1]]
