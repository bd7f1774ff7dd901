"""The audit in a terminal: a line a column, at most 80 characters wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlc.runtime.data.audit.facts import Classes, Facts
from dlc.runtime.data.audit.profile import Column, Kind
from dlc.runtime.failures import shown

_WIDTH = 80
_NAME = 22
_BAR = 24
# A wide input shows this many columns; the page and `profile.json` have all.
_MOST_COLUMNS = 16
_MOST_CLASSES = 20
_HEAD = ("missing", "low", "mean", "high", "std")
_COLUMNS = (8, 9, 9, 9, 9)


def table(facts: Facts) -> str:
    """All that is known, without the findings."""
    lines = [*_head(facts)]
    for owner in facts.owners:
        lines += ["", *_owner(facts, owner)]
    return "\n".join(lines)


def _head(facts: Facts) -> Iterator[str]:
    names = len(facts.columns) + len(facts.unused)
    rows = f"{len(facts):,} row{'' if len(facts) == 1 else 's'}"
    if len(facts) < facts.total:
        rows += f" of {facts.total:,}"
    yield f"{shown(facts.path)}: {rows}, {names:,} column{'' if names == 1 else 's'}"
    yield "  " + ", ".join(f"{part} {size:,}" for part, size in facts.part_sizes.items() if size)
    if facts.skipped:
        yield f"  {facts.skipped:,} rows cannot be read and are left out"
    if facts.unused:
        yield _cut("  not used: " + ", ".join(facts.unused), _WIDTH)
    if len(facts.sample) < len(facts):
        yield f"  quartiles and comparisons are of {len(facts.sample):,} rows drawn by chance"


def _owner(facts: Facts, owner: str) -> Iterator[str]:
    columns = facts.of(owner)
    kind = "target" if columns[0].target else "input"
    title = f"{kind} {owner}"
    numeric = any(column.kind is not Kind.TEXT for column in columns)
    titles = "".join(t.rjust(w) for t, w in zip(_HEAD, _COLUMNS, strict=True)) if numeric else ""
    yield (_cut(title, _NAME + 11).ljust(_NAME + 12) + titles).rstrip()
    for column in columns[:_MOST_COLUMNS]:
        yield from _column(column, facts.classes.get(owner))
    if len(columns) > _MOST_COLUMNS:
        yield f"  and {len(columns) - _MOST_COLUMNS:,} more: `--html` and `profile.json` show all"


def _column(column: Column, classes: Classes | None) -> Iterator[str]:
    start = "  " + _cut(column.name, _NAME).ljust(_NAME) + " " + _kind(column).ljust(9)
    missing = f"{column.missing:,}" if column.missing else "-"
    if column.kind is not Kind.TEXT:
        cells = [missing, *_figures(column)]
        yield start + "".join(c.rjust(w) for c, w in zip(cells, _COLUMNS, strict=True))
        return
    count = f"{column.distinct:,}" if column.distinct is not None else "over 65,536"
    lack = f", {missing} missing" if column.missing else ""
    if classes is not None and column.distinct is not None:
        yield _cut(f"{start}{count} classes{lack}", _WIDTH)
        yield from _classes(classes)
        return
    few = ", ".join(f"{text} {count:,}" for text, count in column.texts[:4])
    yield _cut(f"{start}{count} values{lack}: {few}", _WIDTH)


def _kind(column: Column) -> str:
    if column.kind is not Kind.LIST:
        return str(column.kind.value)
    return f"list {column.width}" if column.width is not None else "lists"


def _figures(column: Column) -> Sequence[str]:
    if column.spread is None:
        return ("-", "-", "-", "-")
    spread = column.spread
    # What is left of a mean of 0 after rounding is no number to look at.
    mean = 0.0 if abs(spread.mean) < 1e-9 * spread.std else spread.mean
    return [number(value) for value in (spread.low, mean, spread.high, spread.std)]


def _classes(classes: Classes) -> Iterator[str]:
    counts = classes.counts.tolist()
    total, most = sum(counts), max(counts, default=1)
    shown_classes = list(zip(classes.names, counts, strict=True))[:_MOST_CLASSES]
    for name, count in shown_classes:
        bar = "█" * max(1, round(_BAR * count / max(most, 1))) if count else ""
        percent = 100 * count / max(total, 1)
        yield f"    {_cut(name, _NAME - 2).ljust(_NAME - 2)} {count:>10,} {percent:5.1f} %  {bar}"
    if len(counts) > _MOST_CLASSES:
        yield f"    and {len(counts) - _MOST_CLASSES:,} more"


def number(value: float) -> str:
    """At most eight characters."""
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value)}"
    text = f"{value:.4g}"
    return text if len(text) <= 8 else f"{value:.2g}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
