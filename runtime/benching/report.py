"""The measurements as a table, as one object, as a page and as a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from dlc.runtime.benching.judging import QUIET, Judged, Row
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.insight.report.html import page, prose, tile
from dlc.runtime.insight.report.html import table as html_table
from dlc.runtime.insight.report.plots import Series, bars, plot
from dlc.runtime.insight.report.style import STYLE

_HEAD = ("model", "runs on", "threads", "p50", "p99", "rows/s", "speed", "difference", "same")


def table(found: Judged) -> str:
    """The table, batch by batch; a star marks the contender that was chosen."""
    lines: list[str] = []
    cells = {size: [_cells(found, row) for row in _of(found, size)] for size in found.sizes}
    every = [list(_head(found)), *(line for part in cells.values() for line in part)]
    widths = [max(len(line[k]) for line in every) for k in range(len(every[0]))]
    for size, part in cells.items():
        lines += ["", f"batch {size}"] if lines else [f"batch {size}"]
        lines += [_line(list(_head(found)), widths), *(_line(line, widths) for line in part)]
    return "\n".join(lines)


def notes(found: Judged) -> Iterator[str]:
    """What is to be known beside the table."""
    first = found.contenders[0]
    yield f"speed and difference are against {first.title}"
    if found.quiet_share < QUIET:
        share = f"{found.quiet_share:.0%}".replace("%", " %")
        yield (
            f"only {share} of the rounds were quiet: other processes took processors, and the "
            "figures are of that"
        )
    for name, reason in found.absent:
        yield f"left out {name}: {reason}"
    if found.left_out:
        sizes = ", ".join(str(size) for size in found.left_out)
        yield f"left out batches of {sizes}: there was no time, `--seconds` gives more"


def record(found: Judged) -> dict[str, Any]:
    """For programs."""
    rows = []
    for row in found.rows:
        one = found.contenders[row.contender]
        rows.append(
            {
                "model": one.name,
                "runs_on": one.where,
                "threads": one.threads,
                "spinning": one.spins,
                "batch": row.size,
                "p50_ms": row.p50 * 1e3,
                "p99_ms": row.p99 * 1e3,
                "rows_per_second": row.rows_per_second,
                "speed": row.speed,
                "rounds": row.rounds,
                "quiet_rounds": row.quiet,
                **found.parities[row.contender].record(),
                "metrics": dict(found.metrics.get(one.name, {})),
                "chosen": _chosen(found, row),
            }
        )
    return {
        "baseline": found.contenders[0].title,
        "measurements": rows,
        "quiet_share": found.quiet_share,
        "left_out": [{"what": name, "reason": reason} for name, reason in found.absent]
        + [{"what": f"batches of {size}", "reason": "no time"} for size in found.left_out],
    }


def write_page(found: Judged, title: str, chosen: str) -> str:
    """The text of a page that opens anywhere."""
    body = [f"<h1>{escape(title)}</h1>", f'<p class="sum">{prose(chosen)}</p>']
    if found.verdict is not None:
        body += ['<div class="tiles">', *_tiles(found), "</div>"]
    body += ['<div class="plots">', *_plots(found), "</div>"]
    for size in found.sizes:
        body.append(f"<h2>Batches of {size}</h2>")
        lines = [_cells(found, row) for row in _of(found, size)]
        body.append(html_table(_head(found), lines, numbers=range(2, len(_head(found)))))
    body += ["<h2>Notes</h2>", *(f'<p class="soft">{prose(note)}.</p>' for note in notes(found))]
    return page(title, STYLE, body)


def write_picture(found: Judged, title: str) -> str:
    """The first plot alone, as an SVG file in light or dark as the reader has it."""
    figure = _throughput(found, title)
    svg = figure[figure.index("<svg") : figure.rindex("</svg>") + len("</svg>")]
    # The page sizes its figures; a file has a size of its own.
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box is not None
    size = f'width="{float(box[1]) * 1.4:.0f}" height="{float(box[2]) * 1.4:.0f}" '
    svg = svg.replace("<svg ", f"<svg {size}", 1)
    rules = "".join(re.findall(r":root \{[^}]*\}", STYLE)[:1]).replace(":root", "svg")
    dark = "".join(re.findall(r":root \{[^}]*\}", STYLE)[1:2]).replace(":root", "svg")
    style = (
        f"<style>{rules} svg {{ background: var(--back); }} svg text {{ font-family: system-ui, "
        f"sans-serif; }} @media (prefers-color-scheme: dark) {{ {dark} }}</style>"
    )
    start = svg.index(">") + 1
    return f"{svg[:start]}{style}{svg[start:]}\n"


def settings_text(settings: SessionSettings) -> str:
    """In words: `provider auto, 1 thread`."""
    words = [f"provider {settings.provider}"]
    count = settings.intra_op_threads
    words.append(f"{count or 'all'} thread{'' if count == 1 else 's'}")
    if settings.allow_spinning:
        words.append("waiting threads spin")
    return ", ".join(words)


def _tiles(found: Judged) -> Iterator[str]:
    assert found.verdict is not None
    for row in found.rows:
        if row.contender == found.verdict.contender:
            yield tile(f"ms, batch of {row.size}", _number(row.p50 * 1e3))
            yield tile(f"rows/s, batch of {row.size}", f"{row.rows_per_second:,.0f}")


def _plots(found: Judged) -> Iterator[str]:
    if len(found.sizes) > 1:
        yield _throughput(found, "Rows a second by size of batch")
    for size in found.sizes:
        rows = _of(found, size)
        yield bars(
            f"Milliseconds for a batch of {size} (p50)",
            [_short(found, row) for row in rows],
            [row.p50 * 1e3 for row in rows],
            x_label="ms, less is better",
        )


def _throughput(found: Judged, title: str) -> str:
    sizes = found.sizes
    series = []
    for index in range(len(found.contenders)):
        mine = [row for row in found.rows if row.contender == index]
        series.append(
            Series(
                name=_short(found, mine[0]),
                xs=[sizes.index(row.size) for row in mine],
                ys=[row.rows_per_second for row in mine],
                dashed=index >= 8,
            )
        )
    names = [str(size) for size in sizes]
    return plot(title, series, x_label="batch", y_label="rows/s", log_y=True, names=names)


def _short(found: Judged, row: Row) -> str:
    one = found.contenders[row.contender]
    where = "" if one.where == "CPU" else f" {one.where}"
    star = " *" if _chosen(found, row) else ""
    return f"{one.name}{where}, {one.threads}{' spin' if one.spins else ''}{star}"


def _chosen(found: Judged, row: Row) -> bool:
    return found.verdict is not None and found.verdict.contender == row.contender


def _metric_names(found: Judged) -> list[str]:
    """Two figures have room: those of the spec's metrics before the loss."""
    names = dict.fromkeys(name for one in found.metrics.values() for name in one)
    return sorted(names, key=lambda name: name == "loss")[:2]


def _head(found: Judged) -> tuple[str, ...]:
    return (*_HEAD[:3], "p50 ms", "p99 ms", *_HEAD[5:], *_metric_names(found))


def _of(found: Judged, size: int) -> list[Row]:
    return [row for row in found.rows if row.size == size]


def _cells(found: Judged, row: Row) -> list[str]:
    one, parity = found.contenders[row.contender], found.parities[row.contender]
    star = " *" if _chosen(found, row) else ""
    metrics = found.metrics.get(one.name, {})
    return [
        one.name + star,
        one.where,
        f"{one.threads}{' spin' if one.spins else ''}",
        _number(row.p50 * 1e3),
        _number(row.p99 * 1e3),
        f"{row.rows_per_second:,.0f}",
        f"{row.speed:.2f}",
        "-" if row.contender == 0 else f"{parity.largest:.1g}",
        "-" if row.contender == 0 else f"{parity.same:.1%}".replace("%", " %"),
        *(f"{metrics[name]:.4f}" if name in metrics else "-" for name in _metric_names(found)),
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _line(cells: list[str], widths: list[int]) -> str:
    text = [
        cell.ljust(width) if k < 2 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(text).rstrip()
