"""`dlc runs`: what is listed of runs in every state, and how they are compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.training.run_folder import resume_run

SPEC = """\
dlc: 1
name: Line
inputs:
  x: float[N, 1]
layers:
  - linear: 1
    output: y
targets:
  t: float[N, 1]
data:
  source: line.csv
  columns: {x: x, t: t}
  split: {train: 0.6, validation: 0.2, test: 0.2}
  batch_size: 8
loss: mse_loss(y, t)
metrics: mae(y, t)
optimizer: sgd(lr=0.1)
train:
  epochs: 3
  early_stopping: {monitor: val_mae, patience: 9}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("torch")
    rows = "".join(f"{n / 50},{1 - n / 25}\n" for n in range(50))
    (tmp_path / "line.csv").write_text("x,t\n" + rows)
    (tmp_path / "line.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    for name, sets in (("slow", ("optimizer.lr=0.01",)), ("fast", ())):
        words = ["train", "line.yaml", "--run", f"runs/{name}"]
        assert main([*words, *(word for text in sets for word in ("--set", text))]) == 0
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["runs", *words, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_runs_are_listed_with_their_figures_and_sorted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys)["runs"]
    assert [run["run"] for run in found] == ["runs/slow", "runs/fast"]
    fast = found[1]
    summary = json.loads((folder / "runs" / "fast" / "summary.json").read_text())
    assert fast["state"] == "finished"
    assert fast["step"] == summary["steps"] == 12
    assert fast["best"] == summary["best"]
    assert fast["test"] == summary["test"]
    best = sorted(found, key=lambda run: run["best"]["value"])
    assert answer(capsys, "--sort", "val_mae")["runs"] == best
    assert answer(capsys, "--sort", "val_mae", "--reverse")["runs"] == best[::-1]
    assert main(["runs"]) == 0
    text = capsys.readouterr().out.splitlines()
    assert text[0].split()[:3] == ["run", "spec", "state"]
    assert len(text) == 3


def test_the_state_of_a_run_without_a_summary_is_told_by_its_lock(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "runs" / "fast" / "summary.json").unlink()
    # Half a record, as a kill leaves it.
    with (folder / "runs" / "fast" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99, "lo')
    run = answer(capsys, "runs/fast")["runs"][0]
    assert (run["state"], run["step"]) == ("stopped", 12)
    held = resume_run(folder / "runs" / "fast")
    try:
        assert answer(capsys, "runs/fast")["runs"][0]["state"] == "running"
    finally:
        held.close()
    assert answer(capsys, "runs/fast")["runs"][0]["state"] == "stopped"


def test_a_damaged_run_does_not_hide_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "runs" / "slow" / "run.json").write_text("{")
    capsys.readouterr()
    assert main(["runs"]) == 65
    streams = capsys.readouterr()
    assert "runs/fast" in streams.out
    assert "E0610" in streams.err


def test_compared_runs_show_figures_and_only_what_differs_in_the_specs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "runs/slow", "runs/fast")
    assert found["settings"] == {"optimizer.lr": ["0.01", "0.1"]}
    figures = found["figures"]
    assert figures["loss"][1] < figures["loss"][0]
    assert figures["val_mae"] == [run["best"]["value"] for run in found["runs"]]
    shutil.copytree(folder / "runs" / "fast", folder / "runs" / "same")
    assert answer(capsys, "runs/same", "runs/fast")["settings"] == {}


@pytest.mark.parametrize(
    ("words", "code", "help"),
    [
        (("nowhere",), "E0610", "dlc train"),
        (("--sort", "val_mea"), "E0202", "`val_mae` is one"),
        (("runs/fast", "runs/fast"), "E0309", "two runs"),
    ],
)
def test_what_cannot_be_shown_says_why(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: str,
    help: str,
) -> None:
    capsys.readouterr()
    assert main(["runs", *words]) == 2
    message = capsys.readouterr().err
    assert code in message
    assert help in message


def test_runs_are_compared_as_the_specs_they_are_and_with_specs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def differ(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = main(["diff", *words, "--format", "json"])
        return status, json.loads(capsys.readouterr().out)

    status, found = differ("runs/slow", "runs/fast")
    assert (status, found["equal"]) == (1, False)
    assert found["settings"] == {"optimizer.lr": ["0.01", "0.1"]}
    assert found["layers"] == []
    assert differ("line.yaml", "runs/fast")[0] == 0
    assert differ("runs/fast", "--set", "layers.y.out_features=3")[0] == 2
    assert differ("runs/nothing", "runs/fast")[0] == 2
    (folder / "empty").mkdir()
    assert differ("empty", "line.yaml")[0] == 2
