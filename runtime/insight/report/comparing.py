"""Several runs on one page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from dlc.runtime.failures import shown
from dlc.runtime.insight.errors import OfClasses
from dlc.runtime.insight.report.facts import Facts
from dlc.runtime.insight.report.html import number, page, table
from dlc.runtime.insight.report.plots import Series, plot
from dlc.runtime.insight.report.style import STYLE
from dlc.runtime.runs.comparison import figure_rows, setting_rows
from dlc.runtime.training.progress import time_text

_MOST_FIGURES = 6


def write_comparison(runs: Sequence[Facts]) -> str:
    """The text of the page."""
    names = _names(runs)
    title = " and ".join(names) if len(names) == 2 else f"{len(names)} runs"
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f'<p class="soft">{escape(note)}.</p>' for facts in runs for note in facts.notes]
    for heading, parts in (
        ("Figures", _figures(runs, names)),
        ("Where the specs differ", _settings(runs, names)),
        ("Course", _curves(runs, names)),
        ("Errors", _errors(runs, names)),
        ("Inside the networks", _inside(runs, names)),
        ("Environment", _environments(runs, names)),
    ):
        body += [f"<h2>{heading}</h2>", *parts]
    return page(f"{title}: comparison", STYLE, body)


def _names(runs: Sequence[Facts]) -> list[str]:
    """The last parts of the folders, the whole paths where two would be alike."""
    short = [facts.run.path.name for facts in runs]
    if len(set(short)) == len(short):
        return short
    return [shown(facts.run.path) for facts in runs]


def _figures(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    rows = [
        ("state", *(facts.run.state.replace("_", " ") for facts in runs)),
        ("steps", *(f"{facts.run.step:,}" for facts in runs)),
        ("time", *(time_text(facts.run.seconds) for facts in runs)),
        ("parameters", *(f"{f.compilation.program.parameter_count:,}" for f in runs)),
    ]
    for name, values in figure_rows([facts.run for facts in runs]).items():
        rows.append((name, *map(number, values)))
    yield table(("", *names), rows, numbers=range(1, len(names) + 1))


def _settings(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    rows = setting_rows([facts.run for facts in runs])
    if not rows:
        yield "<p>The specs are the same.</p>"
        return
    shown_rows = [(path, *(text or "-" for text in texts)) for path, texts in rows.items()]
    yield table(("", *names), shown_rows, numbers=())


def _curves(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    keys = dict.fromkeys(
        key
        for facts in runs
        for record in facts.metrics
        for key in record
        if (key.startswith("val_") and "." not in key) or key in ("loss", "lr")
    )
    order = sorted(keys, key=lambda key: (key not in ("loss", "val_loss"), key == "lr"))
    yield '<div class="plots">'
    for key in order[: _MOST_FIGURES + 2]:
        series = []
        for facts, name in zip(runs, names, strict=True):
            records = [record for record in facts.metrics if record.get(key) is not None]
            steps = [record["step"] for record in records]
            series.append(Series(name=name, xs=steps, ys=[record[key] for record in records]))
        title = {"loss": "Training loss", "val_loss": "Validation loss", "lr": "Learning rate"}
        shown_title = title.get(key, key.removeprefix("val_").replace("_", " "))
        yield plot(shown_title, series, x_label="step")
    yield "</div>"


def _errors(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    rows: dict[str, list[str]] = {}
    for at, facts in enumerate(runs):
        for found in facts.examined.errors if facts.examined is not None else ():
            figures = (
                {"accuracy": found.accuracy, "calibration error": found.calibration_error}
                | {f"F1 of {name}": f1 for name, _, _, f1, _ in found.by_class()[:20]}
                if isinstance(found, OfClasses)
                else {"root mean square error": found.rmse, "mean absolute error": found.mae}
            )
            for name, value in figures.items():
                cells = rows.setdefault(f"{found.output}: {name}", ["-"] * len(runs))
                cells[at] = number(value)
        for verdict in facts.verdicts:
            for name in ("bias", "variance"):
                cells = rows.setdefault(f"{verdict.output}: {name}", ["-"] * len(runs))
                cells[at] = number(getattr(verdict, name))
    if not rows:
        yield '<p class="soft">Nothing was measured.</p>'
        return
    parts = dict.fromkeys(f.examined.part for f in runs if f.examined is not None)
    yield f'<p class="soft">On the {escape(" and ".join(parts))} part of each.</p>'
    listed = [(name, *cells) for name, cells in rows.items()]
    yield table(("", *names), listed, numbers=range(1, len(names) + 1))


def _inside(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    lasts = [facts.monitors[-1] if facts.monitors else {"layers": {}} for facts in runs]
    layers = [*dict.fromkeys(name for last in lasts for name in last["layers"])]
    if not layers:
        yield '<p class="soft">No run has samples of its inside.</p>'
        return
    yield '<div class="plots">'
    for title, key in (
        ("Signals by layer, at the end", "std"),
        ("Gradients by layer, at the end", "gradient"),
        ("Update over weight, at the end", "update"),
    ):
        have = [n for n in layers if any(last["layers"].get(n, {}).get(key) for last in lasts)]
        series = [
            Series(
                name=name,
                xs=range(len(have)),
                ys=[last["layers"].get(layer, {}).get(key, math.nan) for layer in have],
            )
            for name, last in zip(names, lasts, strict=True)
        ]
        if have:
            yield plot(title, series, x_label="", log_y=True, names=have)
    yield "</div>"


def _environments(runs: Sequence[Facts], names: Sequence[str]) -> Iterator[str]:
    found = [_environment(facts) for facts in runs]
    keys = dict.fromkeys(key for one in found for key in one)
    rows = [(key, *(one.get(key, "-") for one in found)) for key in keys]
    yield table(("", *names), rows, numbers=())


def _environment(facts: Facts) -> dict[str, str]:
    record = facts.run.folder.record
    data = str(record.get("data", {}).get("sha256", ""))[:16]
    return {
        "dlc": str(record.get("dlc", "")),
        **{name: str(text) for name, text in record.get("versions", {}).items()},
        **{k.replace("_", " "): str(v) for k, v in record.get("choices", {}).items()},
        "SHA-256 of the data": data,
    }
