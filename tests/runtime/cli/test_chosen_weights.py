"""`--weights`: which weights of a run are measured and exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler.cli.main import main

SPEC = """\
dlc: 1
name: Flowers
inputs:
  x: float[N, 2]
layers:
  - linear: 2
    output: logits
targets:
  label: int[N]
data:
  source: flowers.csv
  columns: {x: "x_*", label: kind}
  split: {train: 0.6, validation: 0.2, test: 0.2}
  batch_size: 8
loss: cross_entropy(logits, label)
optimizer: sgd(lr=0.1)
train: {epochs: 3, average: ema(0.9)}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [f"{k % 7 - 3 + k % 2},{k % 5 - 2},{'ab'[k % 2]}" for k in range(60)]
    (tmp_path / "flowers.csv").write_text("x_0,x_1,kind\n" + "\n".join(rows) + "\n")
    (tmp_path / "flowers.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "flowers.yaml", "--run", "run"]) == 0
    return tmp_path


def loss(capsys: pytest.CaptureFixture[str], *options: str) -> float:
    capsys.readouterr()
    assert main(["evaluate", "run", "--format", "json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return float(found["metrics"]["loss"])


def test_a_run_is_measured_with_the_weights_that_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    average, last = (loss(capsys, "--weights", name) for name in ("average", "last"))
    assert average != last
    # Nothing is monitored here: what the run ends with is the average.
    assert loss(capsys) == average
    assert main(["evaluate", "run", "--weights", "best"]) == 65
    assert "monitors no figure" in capsys.readouterr().err


def test_a_file_bears_the_weights_that_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = loss(capsys, "--weights", "last")
    assert main(["export", "run", "--weights", "last"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run/model.onnx", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]["loss"]
    assert found == pytest.approx(last, rel=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "run/model.onnx", "--weights", "last"],
        ["export", "flowers.yaml", "--untrained", "--weights", "last"],
    ],
)
def test_what_has_one_set_of_weights_leaves_no_choice(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["export", "run"]) == 0
    capsys.readouterr()
    assert main(words) == 2
    assert "error[E0311]" in capsys.readouterr().err
