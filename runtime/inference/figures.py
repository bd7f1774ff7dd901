"""Figures as people and files see them: numbers, numbers for each class, and matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.metrics.base import Metric

# Wider matrices do not fit a terminal; the JSON has all of them.
_WIDEST = 20


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Counts of samples: a row for each true class, a column for each answer."""

    labels: tuple[str, ...]
    counts: npt.NDArray[Any]

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"labels": list(self.labels), "counts": self.counts.tolist()}


def class_names(metric: Metric, labels: Mapping[str, Sequence[str]], count: int) -> tuple[str, ...]:
    """The names of the classes that a metric is of; their numbers where they have none."""
    for name in reversed(metric.names):
        if len(labels.get(name, ())) == count:
            return tuple(labels[name])
    return tuple(str(number) for number in range(count))


def is_of_class(name: str) -> bool:
    """Whether a figure is that of one class: `val_f1.setosa`."""
    return "." in name


def plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON has them: one that is no number is null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def figure_lines(
    figures: Mapping[str, float | None], matrices: Mapping[str, Matrix] | None = None
) -> list[str]:
    """A line for each figure, below them a table of those for each class, and the matrices."""
    single = {name: value for name, value in figures.items() if not is_of_class(name)}
    width = max((len(name) for name in single), default=0)
    lines = [f"{name:<{width}}  {_number(value)}" for name, value in single.items()]
    for table in _by_class(figures):
        lines += ["", *table]
    for name, matrix in (matrices or {}).items():
        lines += ["", *_matrix_lines(name, matrix)]
    return lines


def _by_class(figures: Mapping[str, float | None]) -> Iterator[list[str]]:
    """A table for the metrics of the same classes."""
    columns: dict[str, dict[str, float | None]] = {}
    for name, value in figures.items():
        if is_of_class(name):
            metric, _, label = name.partition(".")
            columns.setdefault(metric, {})[label] = value
    tables: dict[tuple[str, ...], list[str]] = {}
    for metric, values in columns.items():
        tables.setdefault(tuple(values), []).append(metric)
    for labels, metrics in tables.items():
        rows = [["", *metrics]]
        rows += [[label, *(_number(columns[m][label]) for m in metrics)] for label in labels]
        yield _aligned(rows)


def _matrix_lines(name: str, matrix: Matrix) -> list[str]:
    count = len(matrix.labels)
    head = f"{name}: true classes down, answers across"
    if count > _WIDEST:
        wrong = matrix.counts.copy()
        np.fill_diagonal(wrong, 0)
        most = np.argsort(-wrong, axis=None, kind="stable")[:10]
        rows = [["true", "answer", "samples"]]
        for place in most.tolist():
            row, column = divmod(place, count)
            if wrong[row, column]:
                cells = (matrix.labels[row], matrix.labels[column], f"{wrong[row, column]:,}")
                rows.append(list(cells))
        title = f"{name}: {count:,} classes; all of it with `--format json`"
        return [title, *_aligned(rows)] if len(rows) > 1 else [title]
    rows = [["", *matrix.labels]]
    for label, counts in zip(matrix.labels, matrix.counts.tolist(), strict=True):
        rows.append([label, *(f"{number:,}" for number in counts)])
    return [head, *_aligned(rows)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.6g}"
