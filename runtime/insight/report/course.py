"""The sections of a report about the course of a run, and what the monitors saw inside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from dlc.runtime.insight.report.facts import Facts, Records
from dlc.runtime.insight.report.html import diagnostic, finding
from dlc.runtime.insight.report.plots import Series, plot

_MOST_LAYERS = 8


def findings(facts: Facts) -> Iterator[str]:
    """What was found before, while and after."""
    before = facts.compilation.warnings
    during = facts.findings
    parts = [diagnostic(found) for found in before]
    for one in during:
        text = f"{one['message']}, after {one['step']:,} steps"
        parts.append(finding(one["code"], text, (one["help"],)))
    for spike in facts.spikes[:3]:
        text = f"the loss jumped to {spike['loss']:.4g} in step {spike['step']:,}, from "
        rows = ", ".join(str(row) for row in spike["rows"][:10])
        parts.append(finding("W0306", f"{text}{spike['usual']:.4g}", (f"rows {rows} of the data",)))
    parts += [diagnostic(found) for found in facts.audit]
    if not parts:
        yield '<p class="soft">Neither the spec, nor the data, nor the training gave cause.</p>'
    yield from parts


def curves(facts: Facts) -> Iterator[str]:
    """Loss, metrics and rate over the steps."""
    records = facts.metrics
    if not records:
        yield '<p class="soft">No validation was made yet.</p>'
        return
    steps = [record["step"] for record in records]
    best = facts.run.best
    marks = [(float(best[2]), "best")] if best is not None and len(steps) > 1 else []
    yield '<div class="plots">'
    yield plot(
        "Loss",
        [
            Series(name=name, xs=steps, ys=_of(records, key), dashed=dashed)
            for name, key, dashed in (("training", "loss", True), ("validation", "val_loss", False))
            if any(record.get(key) is not None for record in records)
        ],
        x_label="step",
        log_y=_spans(_of(records, "loss")),
        marks=marks,
    )
    names = [
        name
        for name in dict.fromkeys(key for record in records for key in record)
        if name.startswith("val_") and name != "val_loss" and "." not in name
    ]
    for name in names[:6]:
        series = [Series(name=name, xs=steps, ys=_of(records, name))]
        yield plot(name.removeprefix("val_").replace("_", " "), series, x_label="step", marks=marks)
    yield plot(
        "Learning rate", [Series(name="lr", xs=steps, ys=_of(records, "lr"))], x_label="step"
    )
    yield "</div>"


def inside(facts: Facts) -> Iterator[str]:
    """Signals, gradients and updates, by layer and over the run."""
    records = facts.monitors
    if not records:
        yield (
            '<p class="soft">There are no samples of the inside: the run was shorter than a step, '
            "or <code>train.monitors</code> is false.</p>"
        )
        return
    first, last = records[0], records[-1]
    chosen = [first, *([records[len(records) // 2]] if len(records) > 2 else []), last]
    if first is last:
        chosen = [first]
    yield '<div class="plots">'
    for title, key, label in (
        ("Signals by layer", "std", "standard deviation"),
        ("Gradients by layer", "gradient", "root mean square"),
    ):
        names = [name for name, layer in last["layers"].items() if layer.get(key) is not None]
        if names:
            yield plot(
                title,
                [
                    Series(
                        name=f"after step {record['step']:,}",
                        xs=range(len(names)),
                        ys=[_layer(record, name, key) for name in names],
                    )
                    for record in chosen
                ],
                x_label="",
                y_label=label,
                log_y=True,
                names=names,
            )
    for title, key, label in (
        ("Update over weight", "update", "norms, of one step"),
        ("Drift of signals in one step", "drift", "standard deviations"),
    ):
        yield from _over_steps(records, title, key, label)
    yield from _shares(records)
    yield from _ranks(records)
    norms = [record.get("gradient_norm") for record in records]
    yield plot(
        "Norm of all gradients",
        [Series(name="norm", xs=[r["step"] for r in records], ys=[_plain(v) for v in norms])],
        x_label="step",
        log_y=True,
    )
    yield "</div>"


def _over_steps(records: Records, title: str, key: str, label: str) -> Iterator[str]:
    names = [n for n, layer in records[-1]["layers"].items() if layer.get(key) is not None]
    if not names or len(records) < 2:
        return
    steps = [record["step"] for record in records]
    series = [
        Series(name=name, xs=steps, ys=[_layer(record, name, key) for record in records])
        for name in _some(names)
    ]
    yield plot(title, series, x_label="step", y_label=label, log_y=True)


def _shares(records: Records) -> Iterator[str]:
    names = _some([*records[-1].get("flat", {})])
    if names and len(records) > 1:
        steps = [record["step"] for record in records]
        yield plot(
            "Dead or saturated share of activations",
            [
                Series(name=n, xs=steps, ys=[_plain(r.get("flat", {}).get(n)) for r in records])
                for n in names
            ],
            x_label="step",
        )


def _ranks(records: Records) -> Iterator[str]:
    ranked = [record for record in records if record.get("ranks")]
    names = _some([*ranked[-1]["ranks"]]) if ranked else []
    if names and len(ranked) > 1:
        steps = [record["step"] for record in ranked]
        yield plot(
            "Effective rank of weights",
            [
                Series(name=n, xs=steps, ys=[_plain(r["ranks"].get(n)) for r in ranked])
                for n in names
            ],
            x_label="step",
        )


def _some(names: Sequence[str]) -> list[str]:
    """As many as have colours, spread evenly."""
    if len(names) <= _MOST_LAYERS:
        return [*names]
    return [names[round(k * (len(names) - 1) / (_MOST_LAYERS - 1))] for k in range(_MOST_LAYERS)]


def _layer(record: dict[str, Any], name: str, key: str) -> float:
    return _plain(record["layers"].get(name, {}).get(key))


def _of(records: Records, key: str) -> list[float]:
    return [_plain(record.get(key)) for record in records]


def _plain(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _spans(values: Sequence[float]) -> bool:
    """Whether values differ so much that equal distances should be equal factors."""
    positive = [value for value in values if math.isfinite(value) and value > 0]
    return bool(positive) and max(positive) > 20 * min(positive)
