"""The errors of a network on rows that it was not trained on: which, where, how sure it was.

Calibration follows Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks"
(2017): the answers in fifteen bins by the probability that the network gave them, and how often
they were right; the expected calibration error is the mean distance of the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.evaluator import Rows, Subject, choose_rows
from dlc.runtime.inference.session import Array

Floats = npt.NDArray[np.float64]

_BINS = 15
_WORST = 24
_MOST_SLICES = 24
_POINTS = 2000
_OF_TWO = ("binary_cross_entropy_with_logits", "binary_cross_entropy")
_OF_NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A row that the network is most wrong about: its number in the file, its place in the
    data set, and by how much (the loss, or the distance)."""

    row: int
    place: int
    truth: str
    answer: str
    error: float
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The rows with one value of a column: how many, and the share that is right (of classes)
    or the root mean square error (of numbers)."""

    value: str
    rows: int
    figure: float


@dataclass(frozen=True, kw_only=True)
class OfClasses:
    """An output that answers with a class. `counts` has a row for each true class and a column
    for each answer; `bins` are (mean confidence, share that is right, samples)."""

    output: str
    target: str
    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    accuracy: float
    bins: tuple[tuple[float, float, int], ...]
    calibration_error: float
    worst: tuple[Mistake, ...]
    slices: Mapping[str, tuple[Slice, ...]]

    def by_class(self) -> list[tuple[str, float, float, float, int]]:
        """Name, precision, recall, F1 and samples of each class; NaN where nothing counts."""
        right = np.diag(self.counts).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = right / self.counts.sum(0)
            recall = right / self.counts.sum(1)
            f1 = 2 * right / (self.counts.sum(0) + self.counts.sum(1))
        figures = zip(precision.tolist(), recall.tolist(), f1.tolist(), strict=True)
        support = self.counts.sum(1).tolist()
        return [
            (name, *three, count)
            for name, three, count in zip(self.labels, figures, support, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class OfNumbers:
    """An output that answers with a number: `points` are (truth, answer) of some rows."""

    output: str
    target: str
    rmse: float
    mae: float
    bias: float
    points: tuple[tuple[float, float], ...]
    worst: tuple[Mistake, ...]
    slices: Mapping[str, tuple[Slice, ...]]


Errors = OfClasses | OfNumbers


@dataclass(frozen=True, kw_only=True)
class Examined:
    """The errors of each output on one part of the data. `left_out` says of an output why there
    is nothing to say."""

    part: str
    samples: DataSet
    places: Rows
    errors: tuple[Errors, ...]
    left_out: Mapping[str, str]


def examine(
    subject: Subject,
    *,
    data: Path | None = None,
    part: str | None = None,
    by: Sequence[str] = (),
) -> Examined:
    """The errors on `part`, as `evaluate` chooses it, with figures for each value of the columns
    `by`. Raises what `evaluate` raises, and `Failure` E0605 for a column that is not there."""
    samples, part, places = choose_rows(subject, data, part)
    pairs, left_out = _pairs(subject)
    kept: dict[str, list[Array]] = {name: [] for pair in pairs for name in pair.names}
    found: list[Rows] = []
    for rows, values in subject.chunks(samples, places):
        found.append(rows)
        for name, chunks in kept.items():
            chunks.append(np.asarray(values[name]))
    at = np.concatenate(found) if found else np.empty(0, np.int64)
    columns = {name: _texts(samples, at, name) for name in by}
    errors: list[Errors] = []
    for loss in pairs:
        score, truth = (np.concatenate(kept[name]) for name in loss.names[:2])
        one = _Part(samples=samples, places=at, columns=columns)
        if len(score) != len(at):
            left_out[loss.names[0]] = "it has no row for each row of the data"
        elif loss.name in _OF_NUMBERS:
            errors.append(_of_numbers(one, loss, score, truth))
        else:
            errors.append(_of_classes(one, loss, score, truth, subject))
    return Examined(part=part, samples=samples, places=at, errors=tuple(errors), left_out=left_out)


@dataclass(frozen=True, kw_only=True)
class _Part:
    samples: DataSet
    places: Rows
    columns: Mapping[str, npt.NDArray[np.str_]]

    def mistake(self, at: int, truth: str, answer: str, error: float, **more: Any) -> Mistake:
        place = int(self.places[at])
        row = int(self.samples.rows[place])
        return Mistake(row=row, place=place, truth=truth, answer=answer, error=error, **more)

    def slices(self, figure: Any) -> dict[str, tuple[Slice, ...]]:
        """The figure of the rows of each value, the most frequent values first."""
        found = {}
        for name, texts in self.columns.items():
            values, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
            order = np.argsort(-counts, kind="stable")[:_MOST_SLICES]
            found[name] = tuple(
                Slice(
                    value=str(values[k]),
                    rows=int(counts[k]),
                    figure=float(figure(np.flatnonzero(inverse == k))),
                )
                for k in order
            )
        return found


def _pairs(subject: Subject) -> tuple[list[Loss], dict[str, str]]:
    """The losses whose output is one answer for each row, one an output."""
    program = subject.compilation.program
    types = dict(program.targets) | {
        name: program.graph.values[value] for name, value in program.graph.outputs
    }
    found: dict[str, Loss] = {}
    left_out: dict[str, str] = {}
    for term in subject.compilation.settings.loss:
        loss = term.loss
        if len(loss.names) < 2 or loss.names[0] in found:
            continue
        score, truth = types[loss.names[0]].shape, types[loss.names[1]].shape
        if isinstance(loss, ClassLoss):
            good = len(score) == 2 and len(truth) == 1
            why = "it has a class for each position"
        elif loss.name in _OF_TWO:
            good = all(size == 1 for size in (*score[1:], *truth[1:]))
            why = "it has several labels a row"
        elif loss.name in _OF_NUMBERS:
            good = all(size == 1 for size in (*score[1:], *truth[1:]))
            why = "it has several numbers a row"
        else:
            good, why = False, f"`{loss.name}` compares with no label"
        if good:
            found[loss.names[0]] = loss
        else:
            left_out[loss.names[0]] = why
    return [*found.values()], {n: why for n, why in left_out.items() if n not in found}


# ── classes ──────────────────────────────────────────────────────────────────


def _of_classes(part: _Part, loss: Loss, score: Array, truth: Array, subject: Subject) -> OfClasses:
    probabilities = _probabilities(loss, score.astype(np.float64))
    true = truth.reshape(-1)
    # A null, or a class that the loss ignores, is no label.
    known = np.flatnonzero((true >= 0) & (true < probabilities.shape[1]))
    probabilities, true = probabilities[known], true[known].astype(np.int64)
    part = _Part(
        samples=part.samples,
        places=part.places[known],
        columns={name: texts[known] for name, texts in part.columns.items()},
    )
    classes = probabilities.shape[1]
    said = probabilities.argmax(1)
    confidence = probabilities.max(1)
    right = said == true
    labels = _labels(subject, loss, classes)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (true, said), 1)
    of_truth = probabilities[np.arange(len(true)), true]
    error = -np.log(np.maximum(of_truth, np.finfo(np.float64).tiny))
    worst = [k for k in np.argsort(-error, kind="stable") if not right[k]][:_WORST]
    bins = _calibration(confidence, right)
    total = max(len(true), 1)
    return OfClasses(
        output=loss.names[0],
        target=loss.names[1],
        labels=labels,
        counts=counts,
        accuracy=float(right.mean()) if len(true) else math.nan,
        bins=bins,
        calibration_error=sum(abs(sure - share) * n for sure, share, n in bins) / total,
        worst=tuple(
            part.mistake(
                int(k),
                labels[true[k]],
                labels[said[k]],
                float(error[k]),
                confidence=float(confidence[k]),
            )
            for k in worst
        ),
        slices=part.slices(lambda rows: right[rows].mean()),
    )


def _probabilities(loss: Loss, score: Floats) -> Floats:
    """The probability of each class, `[N, K]`."""
    if loss.name in _OF_TWO:
        flat = score.reshape(-1)
        if loss.name.endswith("with_logits"):
            with np.errstate(over="ignore"):
                flat = 1.0 / (1.0 + np.exp(-flat))
        return np.stack((1.0 - flat, flat), 1)
    # Of log-probabilities the softmax is the probabilities again.
    shifted = np.exp(score - score.max(1, keepdims=True))
    found: Floats = shifted / shifted.sum(1, keepdims=True)
    return found


def _labels(subject: Subject, loss: Loss, classes: int) -> tuple[str, ...]:
    known = dict(subject.labels) | (dict(subject.record.classes) if subject.record else {})
    for name in (loss.names[1], loss.names[0]):
        if len(known.get(name, ())) == classes:
            return tuple(known[name])
    return tuple(str(number) for number in range(classes))


def _calibration(
    confidence: Floats, right: npt.NDArray[np.bool_]
) -> tuple[tuple[float, float, int], ...]:
    place = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return tuple(
        (float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for inside in (place == k for k in range(_BINS))
        if inside.any()
    )


# ── numbers ──────────────────────────────────────────────────────────────────


def _of_numbers(part: _Part, loss: Loss, score: Array, truth: Array) -> OfNumbers:
    said, true = (v.reshape(-1).astype(np.float64) for v in (score, truth))
    known = np.flatnonzero(np.isfinite(true))
    said, true = said[known], true[known]
    part = _Part(
        samples=part.samples,
        places=part.places[known],
        columns={name: texts[known] for name, texts in part.columns.items()},
    )
    away = said - true
    worst = np.argsort(-np.abs(away), kind="stable")[:_WORST]
    some = np.unique(np.linspace(0, len(true) - 1, min(len(true), _POINTS)).astype(int))
    return OfNumbers(
        output=loss.names[0],
        target=loss.names[1],
        rmse=float(np.sqrt((away**2).mean())) if len(away) else math.nan,
        mae=float(np.abs(away).mean()) if len(away) else math.nan,
        bias=float(away.mean()) if len(away) else math.nan,
        points=tuple(zip(true[some].tolist(), said[some].tolist(), strict=True)),
        worst=tuple(
            part.mistake(int(k), f"{true[k]:.4g}", f"{said[k]:.4g}", float(abs(away[k])))
            for k in worst
        ),
        slices=part.slices(lambda rows: np.sqrt((away[rows] ** 2).mean())),
    )


# ── columns ──────────────────────────────────────────────────────────────────


def row_texts(samples: DataSet, numbers: Sequence[int], columns: Sequence[str]) -> list[list[str]]:
    """The values of some columns of some rows, by their numbers in the file, as text."""
    wanted = {number: at for at, number in enumerate(numbers)}
    found: list[list[str]] = [[""] * len(columns) for _ in numbers]
    if not columns:
        return found
    for rows, table in samples.table.numbered(list(columns)):
        for inside in np.flatnonzero(np.isin(rows, [*wanted])).tolist():
            values = [table[name][inside].as_py() for name in columns]
            found[wanted[int(rows[inside])]] = ["" if v is None else str(v) for v in values]
    return found


def _texts(samples: DataSet, places: Rows, column: str) -> npt.NDArray[np.str_]:
    if column not in samples.table.names:
        raise failure(
            "E0605",
            f"`{shown(samples.path)}` has no column `{column}`",
            help="its columns are " + ", ".join(f"`{name}`" for name in samples.table.names[:12]),
            exit_code=2,
        )
    numbers = samples.rows[places]
    values = np.empty(int(numbers.max(initial=0)) + 1, dtype=object)
    for rows, table in samples.table.numbered([column]):
        inside = rows < len(values)
        values[rows[inside]] = np.asarray(table[column].to_pylist(), dtype=object)[inside]
    return np.array(["" if v is None else str(v) for v in values[numbers]])
