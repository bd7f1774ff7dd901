"""TensorBoard, MLflow and Weights & Biases see a run, and find it again when it goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import toy

from dlc.runtime.failures import Failure
from dlc.runtime.training import trackers
from dlc.runtime.training.following import Following, following
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.trackers.base import TRACKERS, Tracker, read_known

RESOLVED = """\
dlc: 1
name: Toy
params: {p: 0.5}
inputs:
  x: float[N, 4]
layers:
  - dropout: p
  - linear: 3
    output: logits
targets:
  label: int[N]
loss: cross_entropy(logits, label)
optimizer: adamw(lr=0.005)
train: {epochs: 3}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return replace(toy.plan(tmp_path, epochs=3), resolved=RESOLVED)


def validations(folder: Path) -> dict[int, float]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return {record["step"]: record["val_loss"] for record in map(json.loads, lines)}


class StopsAfterValidation(Tracker):
    """Asks the run to stop, as a signal does, after its first validation."""

    name: ClassVar[str] = "stopping"

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def log(self, figures: Mapping[str, float], step: int) -> None:
        if "val_loss" in figures:
            os.kill(os.getpid(), signal.SIGTERM)

    def end(self, *, finished: bool) -> None: ...


def stopped_and_resumed(plan: Plan, folder: Path, name: str) -> None:
    with following([name]) as progress:
        assert isinstance(progress, Following)
        progress.trackers.append(StopsAfterValidation())
        assert toy.start(folder, plan, progress=progress).exit_code == 143
    assert name in read_known(folder)
    # Without its name: the folder tells.
    with following([], folder) as progress:
        assert isinstance(progress, Following)
        progress.trackers = [t for t in progress.trackers if t.name == name]
        assert toy.resume(folder, plan, progress=progress).exit_code == 0


def test_tensorboard_holds_every_validation_once_after_a_resume(tmp_path: Path, plan: Plan) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stopped_and_resumed(plan, tmp_path / "run", "tensorboard")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("val_loss")]
    expected = validations(tmp_path / "run")
    assert [step for step, _ in found] == list(expected)
    assert dict(found) == pytest.approx(expected, rel=1e-6)
    assert {"loss", "lr", "grad_norm", "samples_per_second", "epoch"} <= set(
        events.Tags()["scalars"]
    )
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    (test,) = events.Scalars("test_loss")
    assert test.value == pytest.approx(summary["test"]["loss"], rel=1e-6)


def test_mlflow_goes_on_with_the_same_run(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    stopped_and_resumed(plan, tmp_path / "run", "mlflow")
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FINISHED"
    assert run.info.run_id == read_known(tmp_path / "run")["mlflow"]["run_id"]
    assert run.data.params["optimizer.lr"] == "0.005"
    assert run.data.params["p"] == "0.5"
    history = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "val_loss")}
    assert history == pytest.approx(validations(tmp_path / "run"))
    assert "test_accuracy" in run.data.metrics


def test_weights_and_biases_keeps_an_offline_run(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with following(["wandb"]) as progress:
        toy.start(tmp_path / "run", plan, progress=progress)
    assert isinstance(progress, Following)
    assert [tracker.name for tracker in progress.trackers] == ["wandb"]
    known = read_known(tmp_path / "run")["wandb"]["id"]
    (kept,) = (tmp_path / "run" / "wandb").glob(f"offline-run-*-{known}/run-{known}.wandb")
    # The library writes in a process of its own, which may be behind.
    deadline = time.monotonic() + 60
    while b"val_loss" not in (content := kept.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert b"val_loss" in content
    assert b"optimizer.lr" in content


class Away(Tracker):
    """A server that goes away."""

    name: ClassVar[str] = "away"

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def log(self, figures: Mapping[str, float], step: int) -> None:
        raise ConnectionError("no route to host\nand more")

    def end(self, *, finished: bool) -> None:
        raise AssertionError("it is not asked again")


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_tracker_that_fails_does_not_end_the_run(tmp_path: Path, plan: Plan) -> None:
    screen = Listening()
    outcome = toy.start(tmp_path / "run", plan, progress=Following(screen, [Away()]))
    assert outcome.summary["ended"] == "finished"
    warnings = [text for text in screen.said if text.startswith("warning")]
    assert warnings == ["warning: `away` is left out from here on: no route to host"]


def test_a_damaged_record_of_trackers_is_none(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"mlflow": 3}'):
        (tmp_path / TRACKERS).write_text(text)
        assert read_known(tmp_path) == {}


def test_a_library_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> Tracker:
        raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")

    monkeypatch.setattr(trackers, "load", absent)
    with pytest.raises(Failure) as caught, following(["mlflow"]):
        pass
    assert caught.value.diagnostic.code.number == "E0603"
    assert caught.value.diagnostic.help == "pip install 'dlc[mlflow]'"
