"""`dlc lr-range` finds a rate, and writes nothing but its picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlc.compiler.cli import main as cli

SPEC = """dlc: 1
name: Net
inputs:
  x: float[N, 4]
layers:
  - linear: 16
  - relu
  - linear: 3
    output: logits
targets:
  label: int[N]
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.2}
  batch_size: 32
loss: cross_entropy(logits, label)
optimizer: OPTIMIZER
train: {epochs: 1, seed: 3}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, 400)
    x = draw.normal(size=(400, 4)) + 2.0 * np.eye(3, 4)[label]
    rows = [",".join(f"{v:.4f}" for v in row) + f",{k}" for row, k in zip(x, label, strict=True)]
    (tmp_path / "toy.csv").write_text("a,b,c,d,kind\n" + "\n".join(rows) + "\n")
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("OPTIMIZER", "sgd(lr=0.1)"))
    return path


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert cli.main(["lr-range", *words, "--device", "cpu", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_the_rates_rise_by_equal_factors_until_the_loss_diverges(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, str(spec), "--low", "1e-4", "--high", "1e4", "--steps", "60")
    rates, smoothed = np.array(found["rates"]), np.array(found["smoothed"])
    assert found["diverged"] is True
    assert len(rates) == len(smoothed) < 60
    assert rates[0] == pytest.approx(1e-4)
    assert rates[1:] / rates[:-1] == pytest.approx(1e8 ** (1 / 59))
    assert found["lowest"] == rates[np.argmin(smoothed)]
    assert found["tenth_of_lowest"] == pytest.approx(rates[np.argmin(smoothed)] / 10)
    steepest = found["steepest"]
    assert isinstance(steepest, float)
    assert 1e-3 < steepest < float(rates[np.argmin(smoothed)])
    # A rate does not depend on the one that the spec gives.
    other = answer(
        capsys,
        str(spec),
        *("--low", "1e-4", "--high", "1e4", "--steps", "60"),
        "--set",
        "optimizer.lr=0.5",
    )
    assert other["losses"] == pytest.approx(found["losses"], rel=1e-4)


def test_nothing_is_written_but_the_picture(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    command = ["lr-range", str(spec), "--steps", "30", "-o", "range.svg", "--device", "cpu"]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "loss over the learning rate" in out
    assert "next: `--set optimizer.lr=" in out
    assert {path.name for path in tmp_path.iterdir()} - before == {"range.svg"}
    assert "steepest" in (tmp_path / "range.svg").read_text()
    assert cli.main(command) == 2


def test_rates_that_do_nothing_are_told(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lr-range", str(spec), "--low", "1e-12", "--high", "1e-11", "--steps", "10"]
    assert cli.main([*words, "--device", "cpu"]) == 0
    assert "did not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--low", "1", "--high", "0.1"], 2),
        (["--low", "nothing"], 2),
        (["--steps", "3"], 2),
        (["-o", "range.pdf"], 2),
        (["--set", "optimizer=lbfgs"], 1),
    ],
)
def test_what_cannot_be_tried_is_refused(
    words: list[str], status: int, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lr-range", str(spec), *words, "--device", "cpu"]) == status
    assert "Traceback" not in capsys.readouterr().err
