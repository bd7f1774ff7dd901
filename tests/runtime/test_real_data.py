"""The small sets that ship with the specs, learned from as a user would: trained by the command,
measured on rows that neither training nor the choice of weights has seen.

A bound lies between what an answer without inputs reaches (the largest class, the mean) and
what the spec reaches from each of five seeds, and is nearer to the latter by far.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from pyarrow import csv

from dlc.compiler.cli.main import main
from dlc.runtime.data.splits import Division, SplitRule, divide
from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject

SPECS = Path(__file__).parents[2] / "specs"


class Learned(NamedTuple):
    """The figures of the test part; all values of the target, and the rows of each part."""

    figures: dict[str, float]
    target: npt.NDArray[Any]
    division: Division


@pytest.fixture
def learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str, str], Learned]:
    """Trains a spec; its run and its exported file have to say the same."""

    def learn(name: str, target: str) -> Learned:
        run = tmp_path / name
        train = ["train", str(SPECS / f"{name}.yaml"), "--run", str(run), "--device", "cpu"]
        for words in (train, ["export", str(run)]):
            assert main([*words, "--format", "json"]) == 0, capsys.readouterr().out
        of_run = evaluate(run_subject(run, "cpu"))
        of_file = evaluate(model_subject(run / "model.onnx", "cpu"))
        assert of_run.part == of_file.part == "test"
        assert of_file.metrics == pytest.approx(of_run.metrics, rel=1e-5)

        record = json.loads((run / "run.json").read_text())["data"]
        values = csv.read_csv(SPECS / record["path"])[target].to_numpy(zero_copy_only=False)
        rule = SplitRule.from_record(record["split"])
        division = divide(len(values), rule, values if rule.stratify else None)
        assert of_run.rows == of_file.rows == len(division.test)
        return Learned(dict(of_run.metrics), values, division)

    return learn


@pytest.mark.parametrize(
    ("name", "target", "bound"),
    [
        ("iris", "species", 0.86),
        ("wine", "cultivar", 0.94),
        ("logistic_regression", "malignant", 0.95),
    ],
)
def test_classes_are_told_apart(
    name: str, target: str, bound: float, learned: Callable[[str, str], Learned]
) -> None:
    figures, classes, division = learned(name, target)
    found, counts = np.unique(classes[division.train], return_counts=True)
    largest = np.mean(classes[division.test] == found[counts.argmax()])
    assert largest < 0.65 < bound <= figures["accuracy"]


def test_the_course_of_diabetes_is_foretold_better_than_by_its_mean(
    learned: Callable[[str, str], Learned],
) -> None:
    figures, progression, division = learned("diabetes", "progression")
    mean = progression[division.train].mean()
    of_mean = np.abs(progression[division.test] - mean).mean()
    assert figures["mae"] <= 0.8 * of_mean


def test_the_sets_hold_what_their_pages_say() -> None:
    shapes = {
        "breast_cancer": (569, 31),
        "iris": (150, 5),
        "wine": (178, 14),
        "diabetes": (442, 11),
    }
    for name, shape in shapes.items():
        table = csv.read_csv(SPECS / "data" / f"{name}.csv")
        assert (table.num_rows, table.num_columns) == shape
        assert not any(column.null_count for column in table.columns)
