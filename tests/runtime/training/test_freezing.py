"""Frozen layers: what does not change, for how long, and at which rate the rest does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 4]
layers:
  - linear: {out_features: 6, bias: false}
    name: stem
  - batch_norm1d:
    name: norm
  - relu
  - dropout: 0.2
  - linear: 5
    name: middle
  - relu
  - linear: 2
    output: logits
targets:
  label: int[N]
data:
  source: rows.csv
  columns: {x: "x*", label: label}
  split: {train: 0.8, validation: 0.2}
  batch_size: 16
loss: cross_entropy(logits, label)
optimizer: adamw(lr=0.01, weight_decay=0.1)
regularization: {l2: 0.01, max_norm: 0.3}
train: {epochs: 4, checkpoint: {every: epochs(1), keep: 9}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 4))
    text = "x0,x1,x2,x3,label\n" + "".join(
        ",".join(f"{v:.4f}" for v in row) + f",{int(row[0] * row[1] > 0)}\n" for row in rows
    )
    (tmp_path / "rows.csv").write_text(text)
    (tmp_path / "net.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*words: str) -> None:
    assert main(["train", *words]) == 0


def weights(run: str, epoch: int) -> dict[str, Any]:
    """Those after so many epochs."""
    steps = CheckpointStore(Path(run) / "checkpoints").steps()
    return dict(CheckpointStore(Path(run) / "checkpoints").load(steps[epoch - 1]).model)


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if not np.array_equal(before[name], after[name])}


STEM = {"stem.weight"}
NORM = {"norm.weight", "norm.bias"}
STATISTICS = {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
MIDDLE = {"middle.weight", "middle.bias"}
HEAD = {"logits.weight", "logits.bias"}


def test_what_is_frozen_keeps_weights_and_statistics(folder: Path) -> None:
    (folder / "net.yaml").write_text(SPEC + "transfer: {freeze: [stem, norm]}\n")
    train("net.yaml", "--run", "run")
    assert changed(weights("run", 1), weights("run", 4)) == MIDDLE | HEAD


def test_layers_are_thawed_in_stages_and_a_resumed_run_knows_them(folder: Path) -> None:
    section = "transfer: {freeze: [stem, norm, middle], unfreeze_at: {middle: 2, norm: 3}}\n"
    (folder / "net.yaml").write_text(SPEC + section)
    train("net.yaml", "--run", "whole")
    stages = [changed(weights("whole", n), weights("whole", n + 1)) for n in (1, 2, 3)]
    assert stages == [HEAD, HEAD | MIDDLE, HEAD | MIDDLE | NORM | STATISTICS]
    train("net.yaml", "--run", "parts", "--epochs", "1")
    for epochs in ("2", "3", "4"):
        train("--resume", "parts", "--epochs", epochs)
    assert changed(load_weights(folder / "whole"), load_weights(folder / "parts")) == set()


def test_a_rate_of_zero_point_one_makes_plain_steps_a_tenth(folder: Path) -> None:
    plain = SPEC.replace("adamw(lr=0.01, weight_decay=0.1)", "sgd(lr=1.0)").replace(
        "batch_size: 16", "batch_size: all"
    )
    plain = plain.replace(", max_norm: 0.3", "")
    (folder / "net.yaml").write_text(plain)
    (folder / "slow.yaml").write_text(plain + "transfer: {lr_scale: {stem: 0.1}}\n")
    train("net.yaml", "--run", "start", "--set", "optimizer.lr=1e-30", "--epochs", "1")
    train("net.yaml", "--run", "one", "--epochs", "1")
    train("slow.yaml", "--run", "other", "--epochs", "1")
    start, one, other = (load_weights(folder / name) for name in ("start", "one", "other"))
    for name in start:
        share = 0.1 if name in STEM else 1.0
        expected = share * (one[name] - start[name])
        np.testing.assert_allclose(other[name] - start[name], expected, rtol=1e-3, atol=1e-7)
    assert changed(start, one) >= STEM | MIDDLE | HEAD


def test_a_run_begins_with_the_weights_of_another(folder: Path) -> None:
    train("net.yaml", "--run", "first")
    (folder / "next.yaml").write_text(
        SPEC + "transfer: {rename: {logits: null}, freeze: [stem, norm, middle]}\n"
    )
    train("next.yaml", "--run", "second", "--from", "first")
    assert changed(load_weights(folder / "first"), load_weights(folder / "second")) == HEAD
    record = json.loads((folder / "second" / "run.json").read_text())["transfer"]
    assert record["given"]
    # What it began with is its first checkpoint: the other run may go.
    store = CheckpointStore(folder / "second" / "checkpoints")
    assert store.steps()[0] == 0
    for step in store.steps():
        if step:
            (store.path(step) / "manifest.json").unlink()
    (folder / "second" / "summary.json").unlink()
    second = load_weights(folder / "second")
    train("--resume", "second")
    assert changed(second, load_weights(folder / "second")) == HEAD


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--from", "nowhere"), "E0611"),
        (("--from", "rows.csv"), "E0610"),
        (("--from", "x", "--folds"), "E0311"),
    ],
)
def test_weights_that_cannot_be_had_are_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    assert main(["train", "net.yaml", "--run", "run", *words]) != 0
    assert code in capsys.readouterr().err
    assert not (folder / "run").exists()
