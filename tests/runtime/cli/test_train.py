from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights, weights_sha256

SPEC = """\
dlc: 1
name: Flowers

inputs:
  x: float[N, 4]

layers:
  - linear: 16
  - batch_norm1d
  - relu
  - dropout: 0.1
  - linear: 3
    output: logits

targets:
  label: int[N]

data:
  source: flowers.csv
  columns: {x: "x_*", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 16
preprocess:
  x: standardize
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: {adamw: {lr: 1e-2}}
schedule: {cosine: {warmup_steps: 10}}
train:
  epochs: 6
  checkpoint: {every: steps(9)}
  early_stopping: {monitor: val_accuracy, patience: 50}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, 210)
    x = draw.normal(size=(210, 4)) + 3 * np.eye(3, 4)[label]
    lines = ["x_1,x_2,x_3,x_4,kind"]
    lines += [
        ",".join(f"{v:.4f}" for v in row) + "," + ["ant", "bee", "cow"][k]
        for row, k in zip(x, label, strict=True)
    ]
    (tmp_path / "flowers.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "flowers.yaml"
    path.write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return path


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_spec_is_trained_and_what_comes_next_is_said(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "flowers.yaml"]) == 0
    printed = capsys.readouterr()
    assert "runs/flowers: Flowers, 66 steps" in printed.out
    assert "next: `dlc evaluate runs/flowers`" in printed.out
    assert "epoch 6/6  step 66/66  loss" in printed.err
    assert "samples/s" in printed.err
    summary = json.loads(Path("runs/flowers/summary.json").read_text())
    assert summary["test"]["accuracy"] > 0.7
    assert Path("runs/flowers/spec.yaml").read_text() == SPEC


def test_the_json_answer_is_one_object(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["train", "flowers.yaml", "--run", "a", "--set", "train.epochs=2", *JSON])
    assert status == 0
    found = answer(capsys)
    assert found["command"] == "train"
    assert found["ok"] is True
    assert found["steps"] == 22
    assert set(found["test"]) == {"loss", "accuracy"}
    assert found["weights"] == weights_sha256(load_weights(Path("a")))
    assert "epochs: 2" in Path("a/resolved.yaml").read_text()


JSON = ["--format", "json"]
NO_OPTIMIZER = ["--set", "optimizer=null", "--set", "schedule=null"]


def test_every_setting_of_training_runs(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [
        "regularization.l1=1e-6",
        "regularization.l2=1e-3",
        "regularization.max_norm=2.0",
        "train.clip_grad_norm=1.0",
        "train.clip_grad_value=0.5",
        "train.accumulate=2",
        "train.precision=bf16",
        "train.epochs=3",
        "data.shuffle=false",
        "optimizer=sgd(lr=0.1, momentum=0.9, nesterov=true)",
        "schedule=step(step_size=2, gamma=0.5)",
    ]
    spec.write_text(SPEC.replace("  batch_size: 16", "  batch_size: 16\n  where: x_1 < 100"))
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["train", "flowers.yaml", "--run", "a", *words, *JSON]) == 0, capsys.readouterr()
    whole = answer(capsys)
    assert whole["steps"] == 18
    assert whole["test"]["accuracy"] > 0.5
    assert json.loads(Path("a/run.json").read_text())["choices"]["precision"] == "bf16"
    store = CheckpointStore(Path("a/checkpoints"))
    (store.path(store.steps()[-1]) / "manifest.json").unlink()
    assert main(["train", "--resume", "a", *JSON]) == 0
    assert answer(capsys)["weights"] == whole["weights"]


def test_a_run_that_lost_its_last_checkpoints_resumes_to_the_same_weights(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "flowers.yaml", "--run", "a", *JSON]) == 0
    whole = answer(capsys)
    store = CheckpointStore(Path("a/checkpoints"))
    for step in store.steps()[1:]:
        (store.path(step) / "state.json").write_text("{}")
    assert main(["train", "--resume", "a", *JSON]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["weights"] == whole["weights"]
    assert "is damaged" in printed.err


def test_the_model_of_a_run_folder_is_never_executed(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "flowers.yaml", "--run", "a"]) == 0
    canary = Path("canary")
    module = Path("a/model.py")
    module.write_text(f"open({str(canary)!r}, 'w')\n" + module.read_text())
    record = json.loads(Path("a/run.json").read_text())
    del record["files"]["model.py"]
    Path("a/run.json").write_text(json.dumps(record))
    assert main(["train", "--resume", "a"]) == 1
    assert "E0613" in capsys.readouterr().err
    assert not canary.exists()


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["train"], 2, "needs a spec"),
        (["train", "none.yaml"], 2, "there is no file `none.yaml`"),
        (["train", "flowers.yaml", "--resume", "a"], 2, "`--resume` and `SPEC` exclude"),
        (["train", "--resume", "a", "--set", "p=1"], 2, "`--resume` and `--set` exclude"),
        (["train", "--resume", "none"], 2, "is no run folder"),
        (["train", "flowers.yaml", "--device", "gpu"], 2, "`gpu` is no device"),
        (["train", "flowers.yaml", "--device", "mps"], 2, "cannot be had"),
        (["train", "flowers.yaml", "--set", "data.source=no.csv"], 65, "no file"),
        (["train", "flowers.yaml", "--set", 'data.source="../x.csv"'], 65, "leaves the folder"),
        (["train", "flowers.yaml", *NO_OPTIMIZER], 1, "training needs `optimizer`"),
    ],
)
def test_what_cannot_be_done_is_said(
    spec: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, says: str
) -> None:
    assert main(words) == status
    printed = capsys.readouterr()
    assert says in printed.err + printed.out
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


def test_without_torch_one_line_says_what_to_install(spec: Path) -> None:
    program = "import sys; sys.modules['torch'] = None\n"
    program += "from dlc.compiler.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "train", "flowers.yaml"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=spec.parent,
        check=False,
    )
    assert done.returncode == 2
    assert "E0603" in done.stderr
    assert "pip install 'dlc[train]'" in done.stderr
    assert not (spec.parent / "runs").exists()


def test_info_shows_devices_providers_and_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", *JSON]) == 0
    found = answer(capsys)
    assert found["devices"][0].startswith("cpu")
    assert "CPUExecutionProvider" in found["providers"]
    assert found["packages"]["torch"]
    assert found["runs"]["cpu"] == ""
    assert set(found["runs"]) == {"cpu", "cuda", "tensorrt", "openvino"}
    assert main(["info"]) == 0
    assert capsys.readouterr().out.startswith("dlc ")


def test_info_says_when_two_onnxruntimes_lie_over_each_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlc.runtime.cli import info

    both = dict.fromkeys(("onnxruntime", "onnxruntime-gpu"), "1.31")
    monkeypatch.setattr(info, "_versions", lambda: both)
    assert main(["info"]) == 0
    assert "problem: onnxruntime and onnxruntime-gpu are both installed" in capsys.readouterr().out


def test_what_is_told_before_data_is_read_is_kept_for_programs(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlc.runtime.data import residence

    monkeypatch.setattr(residence, "available_bytes", lambda: 1)
    capsys.readouterr()
    assert main(["train", str(spec), "--set", "train.epochs=1", "--format", "json"]) == 0
    streams = capsys.readouterr()
    assert "W0215" in streams.err
    answer = json.loads(streams.out)
    [warning] = answer["warnings"]
    assert warning["code"] == "W0215"
    assert "Parquet" in warning["help"]
    summary = json.loads((Path(answer["run"]) / "summary.json").read_text())
    assert summary["warnings"] == [warning]
