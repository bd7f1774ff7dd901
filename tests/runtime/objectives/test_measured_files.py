"""A model file whose targets an objective makes, measured as its run is, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject  # noqa: E402
from tests.runtime.objectives.made import SPECS  # noqa: E402


@pytest.mark.parametrize("name", SPECS)
def test_the_model_file_is_measured_as_its_run(name: str, exported: Callable[[str], Path]) -> None:
    run = exported(name)
    for part in ("test", "validation"):
        of_run = evaluate(run_subject(run, "cpu"), part=part)
        of_file = evaluate(model_subject(run / "model.onnx", "cpu"), part=part)
        assert of_file.rows == of_run.rows
        assert of_file.metrics == pytest.approx(of_run.metrics, rel=1e-5)
    told = json.loads((run / "summary.json").read_text())
    of_file = evaluate(model_subject(run / "model.onnx", "cpu"), part="test")
    assert of_file.metrics["loss"] == pytest.approx(told["test"]["loss"], rel=1e-5)


def test_a_file_is_measured_without_torch(exported: Callable[[str], Path]) -> None:
    wanted = {
        name: evaluate(run_subject(exported(name), "cpu"), part="test").metrics["loss"]
        for name in ("skip_gram", "masked", "windows")
    }
    code = """
import json, sys
sys.modules["torch"] = None
from pathlib import Path
from dlc.runtime.inference.evaluator import evaluate, model_subject
for path in sys.argv[1:]:
    print(evaluate(model_subject(Path(path), "cpu"), part="test").metrics["loss"])
"""
    paths = [str(exported(name) / "model.onnx") for name in wanted]
    result = subprocess.run(
        [sys.executable, "-c", code, *paths],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = [float(line) for line in result.stdout.split()]
    assert found == pytest.approx(list(wanted.values()), rel=1e-5)


def test_answers_for_a_part_need_samples_that_are_rows(
    exported: Callable[[str], Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlc.compiler.cli.main import main

    def predict(name: str) -> int:
        model = exported(name) / "model.onnx"
        return main(["predict", str(model), str(folder / "series.csv"), "--split", "test"])

    assert predict("autoencoder") == 0
    assert "10 rows" in capsys.readouterr().out
    assert predict("windows") == 2
    assert "`windows` makes samples" in capsys.readouterr().err
