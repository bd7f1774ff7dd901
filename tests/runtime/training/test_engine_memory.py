"""A batch that memory does not hold is computed in parts, and the step is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import toy
from test_engine_steps import CPU, plan

from dlc.compiler.components.sections.train import Train
from dlc.runtime.failures import Failure
from dlc.runtime.training import assembly, step, validation
from dlc.runtime.training.checkpoint import Checkpoint, CheckpointStore
from dlc.runtime.training.engine import fitting
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.execution import Execution
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import RUN, RunFolder
from dlc.runtime.training.step import Step


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """A device that holds so many samples at once, and the numbers that were tried."""
    tried: list[int] = []
    outputs = Execution.outputs

    def limited(self: Execution, run: Any, inputs: Any, *, whole: bool) -> Any:
        tried.append(len(inputs["x"]))
        if tried[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return outputs(self, run, inputs, whole=whole)

    monkeypatch.setattr(Execution, "outputs", limited)
    return tried


def test_fewer_samples_are_computed_at_once_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = short_of_memory(monkeypatch, 10)
    progress = Listening()
    toy.start(tmp_path / "run", plan(tmp_path), progress=progress)
    assert tried[:6] == [32, 16, 8, 8, 8, 8]
    assert max(tried[3:]) <= 10
    said = [line for line in progress.said if line.startswith("memory is short")]
    assert said == [
        f"memory is short: {n} samples are computed at once from here on, and batch norm takes "
        "its statistics over so many"
        for n in (16, 8)
    ]
    record = json.loads((tmp_path / "run" / "run.json").read_text())["choices"]
    assert record["micro_batch"] == 8
    kept = CheckpointStore(tmp_path / "run" / "checkpoints").steps()
    assert kept[-1] == 22


def test_a_device_that_holds_no_two_samples_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = short_of_memory(monkeypatch, 1)
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", plan(tmp_path))
    assert caught.value.diagnostic.code.number == "E0615"
    assert tried == [32, 16, 8, 4, 2]


def test_an_update_that_fails_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Step, loss: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("no memory for the optimizer's state")

    monkeypatch.setattr(step.Step, "update", fails)
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", plan(tmp_path))
    assert caught.value.diagnostic.code.number == "E0615"
    record = json.loads((tmp_path / "run" / "run.json").read_text())["choices"]
    assert record["micro_batch"] is None


def test_validation_takes_fewer_samples_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toy.start(tmp_path / "whole", plan(tmp_path)).summary
    answers = validation._answers
    tried: list[int] = []

    def limited(model: Any, take: Any, first: int, last: int, *, alone: bool) -> Any:
        tried.append(last - first)

        def short(**inputs: Any) -> Any:
            if last - first > 15:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return model(**inputs)

        return answers(short, take, first, last, alone=alone)  # type: ignore[arg-type]

    monkeypatch.setattr(validation, "_answers", limited)
    parts = toy.start(tmp_path / "parts", plan(tmp_path)).summary
    assert parts["weights"] == whole["weights"]
    assert parts["metrics"] == pytest.approx(whole["metrics"], rel=1e-5)
    assert max(tried) > 15 >= min(tried)


def test_memory_of_the_spec_bounds_what_is_computed_at_once(tmp_path: Path) -> None:
    estimate = fitting.estimate_of(plan(tmp_path), {}, CPU)
    assert estimate is not None
    assert estimate(8, Choices(precision="bf16")) < estimate(8, Choices()) < estimate(16, Choices())
    limit = estimate(8, Choices())
    stated = {"memory": limit, "precision": "float32"}
    toy.start(tmp_path / "run", plan(tmp_path, **stated))
    record = json.loads((tmp_path / "run" / "run.json").read_text())["choices"]
    assert record["micro_batch"] == 8


def fitted(limit: int, *, least: int = 1, checkpointing: bool = True) -> Choices:
    """For a network whose sample takes 100 bytes, 30 with checkpoints, over 50 that stay."""

    def estimate(samples: int, choices: Choices) -> int:
        return 50 + samples * (30 if choices.checkpointing else 100)

    return fitting.fitted(Choices(), estimate, limit, 64, least=least, checkpointing=checkpointing)


def test_parts_are_halves_and_checkpoints_the_last_resort() -> None:
    assert fitted(10_000) == Choices()
    assert fitted(6_449) == Choices(micro_batch=32)
    assert fitted(151) == Choices(micro_batch=1)
    assert fitted(149) == Choices(micro_batch=2, checkpointing=True)
    assert fitted(149, checkpointing=False) == Choices(micro_batch=1)
    assert fitted(10, least=2, checkpointing=False) == Choices(micro_batch=2)


def test_the_limit_is_that_of_the_spec_or_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "available_bytes", lambda: 7)
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 9)
    assert fitting.limit_of(Train(memory=5e9), CPU) == 5_000_000_000
    assert fitting.limit_of(Train(), CPU) == 7
    assert fitting.limit_of(Train(), torch.device("cuda")) == 9


class Clock(Hook):
    """Tells how many steps are done."""

    name: ClassVar[str] = "clock"
    step: ClassVar[int] = 0

    def before_step(self, step: int) -> None:
        Clock.step = step


class Killed(BaseException):
    """Ends a session at once."""


@pytest.fixture
def short_from_step_9(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device of which others take so much after nine steps that it holds ten samples."""
    outputs, hooks = Execution.outputs, assembly.hooks_of

    def limited(self: Execution, run: Any, inputs: Any, *, whole: bool) -> Any:
        if Clock.step >= 9 and len(inputs["x"]) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return outputs(self, run, inputs, whole=whole)

    monkeypatch.setattr(Execution, "outputs", limited)
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (*hooks(plan), Clock()))


def _micro_batch(run: Path) -> int | None:
    found: int | None = json.loads((run / "run.json").read_text())["choices"]["micro_batch"]
    return found


@pytest.mark.usefixtures("short_from_step_9")
@pytest.mark.parametrize("where", ["before it is kept", "while it is kept", "long after"])
def test_a_run_that_was_killed_where_memory_was_short_ends_as_if_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    expected = toy.start(whole, plan(tmp_path)).summary
    assert _micro_batch(whole) == 8
    assert 10 in CheckpointStore(whole / "checkpoints").steps()
    save, write_json = CheckpointStore.save, RunFolder.write_json

    def saving(store: CheckpointStore, checkpoint: Checkpoint) -> Path:
        if checkpoint.step == (10 if where == "before it is kept" else 21):
            raise Killed
        return save(store, checkpoint)

    def writing(folder: RunFolder, name: str, value: Any) -> None:
        if where == "while it is kept" and name == RUN and Clock.step == 9:
            raise Killed
        write_json(folder, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointStore, "save", saving)
        patch.setattr(RunFolder, "write_json", writing)
        with pytest.raises(Killed):
            toy.start(run, plan(tmp_path))
    # Until a checkpoint keeps it, steps that are done again are done as they were.
    assert _micro_batch(run) == (8 if where == "long after" else None)
    store = CheckpointStore(run / "checkpoints")
    assert [store.load(step).step for step in store.steps()][:1] == [7]
    found = toy.resume(run, plan(tmp_path)).summary
    assert found["weights"] == expected["weights"]
    assert _micro_batch(run) == 8
    lines, others = (
        [line.partition('"seconds"')[0] for line in (f / "metrics.jsonl").read_text().splitlines()]
        for f in (run, whole)
    )
    assert lines == others


def test_where_nothing_fits_any_more_the_last_good_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toy.start(tmp_path / "whole", plan(tmp_path)).summary
    outputs, hooks = Execution.outputs, assembly.hooks_of

    def limited(self: Execution, run: Any, inputs: Any, *, whole: bool) -> Any:
        if Clock.step >= 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return outputs(self, run, inputs, whole=whole)

    with monkeypatch.context() as patch:
        patch.setattr(Execution, "outputs", limited)
        patch.setattr(assembly, "hooks_of", lambda plan: (*hooks(plan), Clock()))
        with pytest.raises(Failure) as caught:
            toy.start(tmp_path / "run", plan(tmp_path))
    assert caught.value.diagnostic.code.number == "E0615"
    newest = CheckpointStore(tmp_path / "run" / "checkpoints").load_newest()
    assert newest is not None
    assert newest.step == 14
    assert _micro_batch(tmp_path / "run") is None
    assert toy.resume(tmp_path / "run", plan(tmp_path)).summary["weights"] == whole["weights"]
