"""The audit as a page: one file, without network, fonts, scripts or libraries, light or dark
as the reader has it. Whatever comes from the data or the spec is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.data.audit.facts import Classes, Facts
from dlc.runtime.data.audit.profile import Column, Kind
from dlc.runtime.data.audit.table import number

_MOST_COLUMNS = 400
_MOST_BARS = 20
_WIDTH, _HEIGHT = 240, 64

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #656d76; --line: #d0d7de;
  --back: #ffffff; --card: #f6f8fa; --bar: #4a7fb5; --warn: #9a6700; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #8d96a0; --line: #30363d;
  --back: #0d1117; --card: #161b22; --bar: #6ca4dc; --warn: #d29922; --bad: #f85149; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
p.sum { color: var(--soft); margin: .25rem 0 1.5rem; }
.finding { border: 1px solid var(--line); border-left: 4px solid var(--warn);
  border-radius: 6px; padding: .5rem .9rem; margin: .5rem 0; overflow-wrap: anywhere; }
.finding.error { border-left-color: var(--bad); }
.finding b { color: var(--warn); font-variant-numeric: tabular-nums; }
.finding.error b { color: var(--bad); }
.finding div { color: var(--soft); font-size: .9rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: .8rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; overflow: hidden; }
.card h3 { font-size: .95rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
.card svg { display: block; width: 100%; height: auto; }
.card dl { display: grid; grid-template-columns: auto 1fr auto 1fr; gap: 0 .5rem;
  margin: .3rem 0 0; font-size: .8rem; font-variant-numeric: tabular-nums; }
.card dt { color: var(--soft); } .card dd { margin: 0; text-align: right; }
.card p { color: var(--soft); font-size: .8rem; margin: .3rem 0 0; }
rect { fill: var(--bar); } line { stroke: var(--line); }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
td { padding: .1rem .4rem .1rem 0; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.b { width: 40%; } td.b i { display: block; height: .7rem; background: var(--bar);
  border-radius: 2px; }
""".strip()


def page(facts: Facts, findings: Sequence[Diagnostic]) -> str:
    """The text of the page."""
    title = escape(facts.path.name)
    body = [
        f"<h1>{title}</h1>",
        f'<p class="sum">{escape(_summary(facts))}</p>',
        *_findings(findings),
    ]
    for heading, columns in _sections(facts):
        body += [f"<h2>{escape(heading)}</h2>", '<div class="grid">']
        for column in columns[:_MOST_COLUMNS]:
            body.append(_card(column, facts.classes.get(column.owner)))
        body.append("</div>")
        if len(columns) > _MOST_COLUMNS:
            left = len(columns) - _MOST_COLUMNS
            body.append(f'<p class="sum">and {left:,} more, in profile.json</p>')
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}: audit</title><style>{_STYLE}</style></head><body>",
            *body,
            "</body></html>\n",
        ]
    )


def _sections(facts: Facts) -> Iterator[tuple[str, Sequence[Column]]]:
    """Headings and what stands below them; inputs of one column each share one."""
    single: list[Column] = []
    for owner in facts.owners:
        columns = facts.of(owner)
        if not columns[0].target and len(columns) == 1:
            single.append(columns[0])
        elif not columns[0].target:
            yield f"Input {owner}", columns
    if single:
        names = ", ".join(column.owner for column in single[:8])
        yield f"Input{'s' if len(single) > 1 else ''} {names}", single
    targets = [column for column in facts.columns if column.target]
    for owner in dict.fromkeys(column.owner for column in targets):
        yield f"Target {owner}", facts.of(owner)


def _summary(facts: Facts) -> str:
    rows = f"{len(facts):,}" + (f" of {facts.total:,}" if len(facts) < facts.total else "")
    parts = [f"{part} {size:,}" for part, size in facts.part_sizes.items() if size]
    words = [f"{rows} rows", f"{len(facts.columns):,} columns in use", *parts]
    if facts.unused:
        words.append(f"not used: {', '.join(facts.unused[:20])}")
    if len(facts.sample) < len(facts):
        words.append(f"histograms of {len(facts.sample):,} rows")
    return " · ".join(words)


def _findings(findings: Sequence[Diagnostic]) -> Iterator[str]:
    yield f"<h2>Findings ({len(findings)})</h2>" if findings else "<h2>No findings</h2>"
    for found in findings:
        details = "".join(
            f"<div>{escape(text)}</div>" for text in (*found.notes, found.help) if text
        )
        yield (
            f'<div class="finding {found.severity.value}"><b>{found.code}</b> '
            f"{escape(found.message)}{details}</div>"
        )


def _card(column: Column, classes: Classes | None) -> str:
    parts = [f"<h3>{escape(column.name)}</h3>"]
    if column.kind is Kind.TEXT:
        parts += _bars(column, classes)
    else:
        parts += [_histogram(column), *_figures(column)]
    if column.missing:
        share = 100 * column.missing / max(column.rows, 1)
        parts.append(f"<p>{column.missing:,} missing ({share:.2g} %)</p>")
    if column.unreadable:
        parts.append(f"<p>{column.unreadable:,} no numbers</p>")
    if column.idle:
        parts.append(f"<p>{column.idle:,} of {column.width:,} numbers never change</p>")
    return '<div class="card">' + "".join(parts) + "</div>"


def _histogram(column: Column) -> str:
    bars = column.spread.bars if column.spread is not None else ()
    if not bars:
        return ""
    assert column.spread is not None
    most, step = max(bars), _WIDTH / len(bars)
    edges = column.spread.edges
    shapes = []
    for place, count in enumerate(bars):
        height = count / most * _HEIGHT
        if count:
            # A bar of one row among a million is still to be seen.
            height = max(height, 1.0)
        last = min(place + 1, len(edges) - 1)
        shapes.append(
            f'<rect x="{place * step:.2f}" y="{_HEIGHT - height:.2f}" '
            f'width="{max(step - 1, 0.5):.2f}" height="{height:.2f}">'
            f"<title>{number(edges[place])} to {number(edges[last])}: {count:,}</title></rect>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 1}" role="img">{"".join(shapes)}'
        f'<line x1="0" y1="{_HEIGHT + 0.5}" x2="{_WIDTH}" y2="{_HEIGHT + 0.5}"/></svg>'
    )


def _figures(column: Column) -> Iterator[str]:
    spread = column.spread
    if spread is None:
        return
    cells = {
        "low": spread.low,
        "high": spread.high,
        "mean": spread.mean,
        "std": spread.std,
        "median": spread.quartiles[1],
    }
    rows = "".join(f"<dt>{name}</dt><dd>{number(value)}</dd>" for name, value in cells.items())
    yield f"<dl>{rows}</dl>"


def _bars(column: Column, classes: Classes | None) -> Iterator[str]:
    values = list(column.texts)
    if classes is not None:
        values = list(zip(classes.names, classes.counts.tolist(), strict=True))
    most = max((count for _, count in values), default=1)
    rows = "".join(
        f'<tr><td>{escape(text)}</td><td class="b"><i style="width:{100 * count / most:.1f}%">'
        f'</i></td><td class="n">{count:,}</td></tr>'
        for text, count in values[:_MOST_BARS]
    )
    yield f"<table>{rows}</table>"
    total = column.distinct
    if total is None:
        yield "<p>more than 65,536 different values</p>"
    elif total > _MOST_BARS:
        yield f"<p>and {total - _MOST_BARS:,} more values</p>"
