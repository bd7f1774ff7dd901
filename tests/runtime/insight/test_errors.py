"""Errors on held-out rows, against scikit-learn and plain loops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import compiled
from sklearn import metrics

from dlc.compiler import Source, check
from dlc.runtime.data.splits import Division, SplitRule
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import Subject, run_subject
from dlc.runtime.insight.errors import OfClasses, OfNumbers, examine, row_texts

_ROWS = 240
_CLASSES = """dlc: 1
inputs: {x: "float[N, 2]"}
layers:
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data: {source: rows.csv, columns: {x: [a, b], label: label}}
loss: cross_entropy(logits, label)
"""
_TWO = _CLASSES.replace("linear: 3", "linear: 1").replace("int[N]", "float[N, 1]")
_TWO = _TWO.replace("cross_entropy", "binary_cross_entropy_with_logits")
_NUMBER = _TWO.replace("binary_cross_entropy_with_logits", "mse_loss")


def _subject(folder: Path, spec: str, values: dict[str, np.ndarray[Any, Any]]) -> Subject:
    """What answers with given values for the rows of a file."""
    from dlc.runtime.data.dataset import DataSet
    from dlc.runtime.data.preprocessing import Preprocessing
    from dlc.runtime.data.tables import open_table

    lines = [f"{k},{-k},{'low' if k < 60 else 'high'}" for k in range(_ROWS)]
    (folder / "rows.csv").write_text("a,b,size\n" + "\n".join(lines) + "\n")
    table = open_table(folder / "rows.csv", "csv")
    everything = np.arange(_ROWS)
    data = DataSet(
        path=folder / "rows.csv",
        table=table,
        sha256="",
        arrays={},
        rows=everything + 1,
        rule=SplitRule(),
        division=Division(train=everything, validation=everything[:0], test=everything[:0]),
        preprocessing=Preprocessing(inputs={}, labels={}),
    )

    def chunks(samples: DataSet, places: Any) -> Iterator[Any]:
        for start in range(0, len(places), 50):
            found = places[start : start + 50]
            yield found, {name: array[found] for name, array in values.items()}

    return Subject(
        compilation=compiled(check(Source("net.yaml", spec, "yaml"))),
        record=None,
        root=folder,
        what="net",
        runs_on="",
        prepare=lambda data_, root: data,
        chunks=chunks,
        labels={"logits": ("ant", "bee", "cow")},
    )


def _classes(folder: Path) -> tuple[OfClasses, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, _ROWS)
    logits = draw.normal(size=(_ROWS, 3)) + 1.2 * np.eye(3)[truth]
    subject = _subject(folder, _CLASSES, {"logits": logits, "label": truth})
    found = examine(subject, part="all", by=["size"])
    assert found.left_out == {}
    (errors,) = found.errors
    assert isinstance(errors, OfClasses)
    return errors, logits, truth


def test_counts_and_figures_by_class_are_scikit_learns(tmp_path: Path) -> None:
    errors, logits, truth = _classes(tmp_path)
    said = logits.argmax(1)
    assert errors.labels == ("ant", "bee", "cow")
    np.testing.assert_array_equal(errors.counts, metrics.confusion_matrix(truth, said))
    assert errors.accuracy == pytest.approx(metrics.accuracy_score(truth, said))
    expected = np.array(metrics.precision_recall_fscore_support(truth, said)).T
    found = np.array([row[1:] for row in errors.by_class()])
    np.testing.assert_allclose(found, expected)


def test_calibration_is_that_of_fifteen_bins(tmp_path: Path) -> None:
    errors, logits, truth = _classes(tmp_path)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sure, right = shares.max(1), shares.argmax(1) == truth
    expected = 0.0
    for k in range(15):
        inside = [i for i in range(_ROWS) if k / 15 <= sure[i] < (k + 1) / 15]
        if inside:
            expected += abs(sure[inside].mean() - right[inside].mean()) * len(inside) / _ROWS
    assert errors.calibration_error == pytest.approx(expected)
    assert sum(count for _, _, count in errors.bins) == _ROWS


def test_the_worst_answers_are_wrong_and_in_order(tmp_path: Path) -> None:
    errors, logits, truth = _classes(tmp_path)
    loss = [
        metrics.log_loss(
            [truth[i]], np.exp(logits[[i]]) / np.exp(logits[[i]]).sum(), labels=[0, 1, 2]
        )
        for i in range(_ROWS)
    ]
    wrong = [i for i in range(_ROWS) if logits[i].argmax() != truth[i]]
    expected = sorted(wrong, key=lambda i: -loss[i])[:24]
    assert [mistake.place for mistake in errors.worst] == expected
    first = errors.worst[0]
    assert first.row == first.place + 1
    assert first.error == pytest.approx(loss[first.place])
    assert first.truth == errors.labels[truth[first.place]]
    assert first.answer == errors.labels[logits[first.place].argmax()]


def test_slices_are_the_figures_of_their_rows(tmp_path: Path) -> None:
    errors, logits, truth = _classes(tmp_path)
    right = logits.argmax(1) == truth
    found = {one.value: (one.rows, one.figure) for one in errors.slices["size"]}
    assert found == {"high": (180, right[60:].mean()), "low": (60, right[:60].mean())}
    assert [one.value for one in errors.slices["size"]] == ["high", "low"]


def test_rows_without_a_label_do_not_count(tmp_path: Path) -> None:
    truth = np.arange(_ROWS) % 3
    logits = 5.0 * np.eye(3)[truth]
    truth[::2] = -100
    subject = _subject(tmp_path, _CLASSES, {"logits": logits, "label": truth})
    (errors,) = examine(subject, part="all", by=["size"]).errors
    assert isinstance(errors, OfClasses)
    assert errors.counts.sum() == _ROWS // 2
    assert errors.accuracy == 1.0
    assert errors.worst == ()


def test_one_logit_answers_for_two_classes(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, (_ROWS, 1)).astype(np.float32)
    logits = draw.normal(size=(_ROWS, 1)) + truth
    subject = _subject(tmp_path, _TWO, {"logits": logits, "label": truth})
    (errors,) = examine(subject, part="all").errors
    assert isinstance(errors, OfClasses)
    np.testing.assert_array_equal(
        errors.counts, metrics.confusion_matrix(truth[:, 0], logits[:, 0] > 0)
    )
    assert errors.labels == ("0", "1")


def test_numbers_have_their_distances(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    truth = draw.normal(size=(_ROWS, 1))
    said = truth + 0.3 + draw.normal(size=(_ROWS, 1)) / 4
    subject = _subject(tmp_path, _NUMBER, {"logits": said, "label": truth})
    (errors,) = examine(subject, part="all", by=["size"]).errors
    assert isinstance(errors, OfNumbers)
    assert errors.rmse == pytest.approx(metrics.root_mean_squared_error(truth, said))
    assert errors.mae == pytest.approx(metrics.mean_absolute_error(truth, said))
    assert errors.bias == pytest.approx((said - truth).mean())
    away = np.abs(said - truth)[:, 0]
    assert [mistake.place for mistake in errors.worst] == np.argsort(-away)[:24].tolist()
    low = next(one for one in errors.slices["size"] if one.value == "low")
    assert low.figure == pytest.approx(metrics.root_mean_squared_error(truth[:60], said[:60]))


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    subject = _subject(
        tmp_path, _CLASSES, {"logits": np.zeros((_ROWS, 3)), "label": np.zeros(_ROWS)}
    )
    with pytest.raises(Failure, match="no column `weight`") as caught:
        examine(subject, part="all", by=["weight"])
    assert caught.value.diagnostic.code.number == "E0605"


def test_values_of_rows_come_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    subject = _subject(
        tmp_path, _CLASSES, {"logits": np.zeros((_ROWS, 3)), "label": np.zeros(_ROWS)}
    )
    samples = examine(subject, part="all").samples
    assert row_texts(samples, [7, 3, 240], ["a", "size"]) == [
        ["6", "low"],
        ["2", "low"],
        ["239", "high"],
    ]


def test_a_run_is_examined_on_the_part_that_it_did_not_see(trained: Any) -> None:
    found = examine(run_subject(trained.run, "cpu"))
    assert found.part == "test"
    (errors,) = found.errors
    assert isinstance(errors, OfClasses)
    assert errors.labels == ("iris", "lily", "rose")
    assert errors.counts.sum() == len(found.places)
