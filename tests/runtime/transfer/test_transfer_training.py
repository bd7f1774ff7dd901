"""Training that starts from trained weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dlc.compiler.cli.main import main
from dlc.runtime.training.checkpoint import load_weights

SPEC = """\
dlc: 1
name: Points
inputs:
  x: float[N, 4]
layers:
  - linear: 8
    name: stem
  - relu
  - linear: 3
    output: logits
targets:
  label: int[N]
data:
  source: points.csv
  columns: {x: "x_*", label: kind}
  split: {train: 0.8, validation: 0.2}
  batch_size: 16
loss: cross_entropy(logits, label)
optimizer: sgd(lr=0.1)
train:
  steps: 4
transfer:
  weights: weights/w.safetensors
  rename: {backbone: stem, head: null, logits: null}
"""
STEM = {"backbone.weight": torch.randn(8, 4), "backbone.bias": torch.randn(8)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, 60)
    x = draw.normal(size=(60, 4)) + 3 * np.eye(3, 4)[label]
    lines = ["x_1,x_2,x_3,x_4,kind"]
    lines += [",".join(f"{v:.4f}" for v in row) + f",{k}" for row, k in zip(x, label, strict=True)]
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "points.yaml").write_text(SPEC)
    (tmp_path / "weights").mkdir()
    save_file({**STEM, "head.weight": torch.ones(7, 8)}, tmp_path / "weights/w.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(run: str, *words: str) -> int:
    return main(["train", "points.yaml", "--run", run, "--device", "cpu", *words])


def still(run: str, *words: str) -> int:
    """Trains without moving: the weights at the end are those of the start."""
    return train(run, "--set", "optimizer.lr=1e-30", *words)


def record(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run, "run.json").read_text())
    return found


def test_a_run_starts_from_the_weights_and_keeps_which_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert still("a") == 0
    weights = load_weights(folder / "a")
    np.testing.assert_array_equal(weights["stem.weight"], STEM["backbone.weight"].numpy())
    np.testing.assert_array_equal(weights["stem.bias"], STEM["backbone.bias"].numpy())
    content = (folder / "weights/w.safetensors").read_bytes()
    assert record("a")["transfer"] == {
        "weights": "weights/w.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "filled": 2,
        "of": 4,
        "given": False,
    }
    err = capsys.readouterr().err
    assert "fills 2 of 4 parameters and buffers of Points" in err
    assert "W07" not in err


def test_what_is_not_filled_starts_as_without_the_file(folder: Path) -> None:
    assert still("a") == 0
    (folder / "points.yaml").write_text(SPEC.partition("transfer:")[0])
    assert still("b") == 0
    a, b = load_weights(folder / "a"), load_weights(folder / "b")
    np.testing.assert_array_equal(a["logits.weight"], b["logits.weight"])
    assert (a["stem.weight"] != b["stem.weight"]).any()
    assert "transfer" not in record("b")


def test_what_does_not_fit_is_told_before_anything_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("a", "--set", 'transfer.rename={head = "logits"}') == 1
    assert "error[E0702]" in capsys.readouterr().err
    assert train("b", "--set", "transfer.rename={}", "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [d["code"] for d in found["diagnostics"]] == ["E0703"]
    assert not Path("a").exists()
    assert not Path("b").exists()


def test_warnings_are_told_and_may_be_denied(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rename = ("--set", 'transfer.rename={backbone = "stem"}')
    assert train("a", *rename, "--deny", "unused-weights") == 1
    assert not Path("a").exists()
    capsys.readouterr()
    assert train("a", *rename) == 0
    err = capsys.readouterr().err
    assert "warning[W0701]" in err
    assert "warning[W0702]" in err


def test_a_resumed_run_goes_on_without_the_file(folder: Path) -> None:
    assert train("a") == 0
    whole = load_weights(folder / "a")
    (folder / "weights/w.safetensors").unlink()
    assert main(["train", "--resume", "a"]) == 0
    again = load_weights(folder / "a")
    np.testing.assert_array_equal(whole["stem.weight"], again["stem.weight"])


def without_checkpoints(run: Path) -> None:
    """The run as a kill before its first checkpoint leaves it."""
    import shutil

    shutil.rmtree(run / "checkpoints")
    (run / "summary.json").unlink()
    (run / "metrics.jsonl").unlink()


def test_a_run_killed_before_its_first_checkpoint_starts_from_the_weights_again(
    folder: Path,
) -> None:
    assert train("a") == 0
    whole = load_weights(folder / "a")
    without_checkpoints(folder / "a")
    assert main(["train", "--resume", "a"]) == 0
    again = load_weights(folder / "a")
    assert whole.keys() == again.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], again[name])


def test_another_file_in_its_place_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("a") == 0
    without_checkpoints(folder / "a")
    save_file({**STEM, "head.weight": torch.zeros(7, 8)}, "weights/w.safetensors")
    capsys.readouterr()
    assert main(["train", "--resume", "a"]) == 65
    err = capsys.readouterr().err
    assert "`weights/w.safetensors` is not the file that the run was started with" in err


def test_a_map_is_not_needed_again(folder: Path) -> None:
    (folder / "map.yaml").write_text("dlc: 1\nrename: {backbone: stem, head: null, logits: null}\n")
    (folder / "points.yaml").write_text(SPEC.partition("  rename:")[0] + "  rename: map.yaml\n")
    assert train("a") == 0
    (folder / "map.yaml").unlink()
    without_checkpoints(folder / "a")
    assert main(["train", "--resume", "a"]) == 0


def test_untied_weights_are_told_when_they_are_loaded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = SPEC.replace(
        "  - linear: 3\n    output: logits\n",
        "  - linear: 8\n    name: a\n  - linear: {out_features: 8, weight: a.weight}\n    name: b\n"
        "  - linear: 3\n    output: logits\n",
    ).replace("logits: null", "logits: null, a.bias: null, b.bias: null")
    (folder / "points.yaml").write_text(spec)
    tied = {"a.weight": torch.ones(8, 8), "b.weight": torch.zeros(8, 8)}
    save_file({**STEM, **tied}, "weights/w.safetensors")
    assert train("a") == 0
    assert "warning: `b.weight` would be `b.weight`, which is `a.weight` here" in (
        capsys.readouterr().err
    )
