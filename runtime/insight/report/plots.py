"""Plots by matplotlib as SVG inside a page, in the page's own colours and fonts.

Colours are put in as words that CSS replaces, so that a plot is light or dark as the reader has
it, and printed in ink. Equal figures give equal text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What matplotlib is told, and what the page says instead.
_INK, _SOFT, _LINE = "#010101", "#020202", "#030303"
_SERIES = tuple(f"#0404{number:02x}" for number in range(8))
_NAMES = {_INK: "var(--ink)", _SOFT: "var(--soft)", _LINE: "var(--line)"} | {
    color: f"var(--c{number})" for number, color in enumerate(_SERIES)
}
_SIZE = (6.4, 3.3)
_MOST_POINTS = 2000
_MOST_LETTERS = 28


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points to be joined in order; a value that is no number leaves a gap. With `dots` they
    are not joined."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    dashed: bool = False
    dots: bool = False


def plot(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str = "",
    log_y: bool = False,
    names: Sequence[str] = (),
    marks: Sequence[tuple[float, str]] = (),
    diagonal: bool = False,
) -> str:
    """A figure with a caption. `names` stand at the whole numbers of the x axis; `marks` are
    places on it that have a name; `diagonal` draws where both axes are equal."""
    figure, axes = _axes(len(names))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    positive = any(y > 0 for one in series for y in one.ys if _is_number(y))
    if log_y and positive:
        axes.set_yscale("log")
    for number, one in enumerate(series):
        _draw(axes, one, _SERIES[number % len(_SERIES)], log=log_y)
    if diagonal:
        low, high = _range([v for one in series for v in (*one.xs, *one.ys)])
        axes.plot([low, high], [low, high], color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
    for place, name in marks:
        axes.axvline(place, color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.text(place, 1.01, name, color=_SOFT, ha="center", transform=axes.get_xaxis_transform())
    if names:
        shown = range(0, len(names), -(-len(names) // 24))
        axes.set_xticks([*shown], [_short(names[k]) for k in shown], rotation=55, ha="right")
    if len(series) > 3:
        # Inside, so many names would lie over the lines.
        figure.legend(frameon=False, labelcolor=_INK, loc="outside right upper")
    elif len(series) > 1:
        axes.legend(frameon=False, labelcolor=_INK, loc="best")
    return _figure(title, figure)


def bars(title: str, names: Sequence[str], values: Sequence[float], *, x_label: str) -> str:
    """A horizontal bar for each name, the first one on top."""
    figure, axes = _axes(0, height=0.6 + 0.26 * len(names))
    places = range(len(names))
    axes.barh([*places], [*values], color=_SERIES[0], height=0.7)
    axes.set_yticks([*places], [_short(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(x_label)
    return _figure(title, figure)


def _axes(names: int, *, height: float | None = None) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        width = min(max(_SIZE[0], 0.24 * names), 12.0)
        figure = Figure(figsize=(width, height or _SIZE[1]), layout="constrained")
        axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_SOFT)
    axes.grid(visible=True, color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_SOFT, labelcolor=_INK, which="both")
    axes.xaxis.label.set_color(_SOFT)
    axes.yaxis.label.set_color(_SOFT)
    return figure, axes


def _draw(axes: Axes, series: Series, color: str, *, log: bool) -> None:
    step = -(-len(series.xs) // _MOST_POINTS) or 1
    xs = [*series.xs[::step]]
    ys = [y if _is_number(y) and (y > 0 or not log) else math.nan for y in series.ys[::step]]
    if series.dots:
        axes.plot(
            xs, ys, color=color, label=_short(series.name), linestyle="none", marker="o", ms=3
        )
        return
    marker: Any = {"marker": "o", "ms": 3} if len(xs) < 40 else {}
    line: Any = (0, (4, 2)) if series.dashed else "-"
    axes.plot(
        xs, ys, color=color, label=_short(series.name), linewidth=1.5, linestyle=line, **marker
    )


def _figure(title: str, figure: Figure) -> str:
    import matplotlib as mpl

    text = io.StringIO()
    # Texts stay texts; identifiers are a function of what is drawn.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    prefix = re.sub(r"\W+", "-", title)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\1{prefix}-", svg)
    for color, name in _NAMES.items():
        svg = svg.replace(color, name)
    # Its size is the page's affair.
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", svg, count=1)
    # Texts are in the fonts of the page.
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"


_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _SOFT,
    "axes.titlesize": 10,
    "legend.fontsize": 8.5,
    "path.simplify": True,
}


def _short(name: str) -> str:
    """A name beside a plot, which leaves room for the plot, and in which nothing is a formula."""
    if len(name) > _MOST_LETTERS:
        half = _MOST_LETTERS // 2
        name = f"{name[:half]}…{name[-half:]}"
    return name.replace("$", r"\$")


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _range(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if _is_number(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)
