"""Killed at any moment, a run resumes and ends with the weights of one never killed."""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from pathlib import Path

import pytest
from toy import Spawn

from dlc.runtime.training.storage import UNFINISHED

EPOCHS = 200  # long enough for twenty kills on a fast machine


def weights_hash(folder: Path) -> str:
    newest = sorted((folder / "checkpoints").glob("step-*"))[-1]
    return hashlib.sha256((newest / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, spawn: Spawn) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = spawn(folder.parent / "log", "start", folder, "--epochs", EPOCHS)
    process.join(300)
    assert process.exitcode == 0, (folder.parent / "log").read_text()
    return folder


def kill_and_resume(folder: Path, spawn: Spawn, kills: int, *options: str) -> int:
    """Kills a run so many times at random moments, then lets it end. Gives its exit code."""
    draw = random.Random(5)
    log = folder.parent / "log"
    for kill in range(kills):
        lines = line_count(log)
        process = spawn(log, begun_or_new(folder), folder, "--epochs", EPOCHS, *options)
        # Some die while they start; most once the line that says so shows them training.
        if draw.random() < 0.8:
            while process.is_alive() and line_count(log) == lines:
                time.sleep(0.002)
        time.sleep(draw.uniform(0.0, 0.15))
        process.kill()
        process.join()
        if process.exitcode == 0:
            pytest.fail(f"the run ended before kill {kill + 1}: it is too short to show anything")
        if process.exitcode != -9:
            return -1 if process.exitcode is None else process.exitcode
    process = spawn(log, begun_or_new(folder), folder, "--epochs", EPOCHS, *options)
    process.join(300)
    return -1 if process.exitcode is None else process.exitcode


def begun_or_new(folder: Path) -> str:
    return "resume" if (folder / "run.json").exists() else "start"


def line_count(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def assert_same_end(folder: Path, uninterrupted: Path) -> None:
    assert weights_hash(folder) == weights_hash(uninterrupted)
    lines, expected = (
        [line.rpartition('"seconds"')[0] for line in (f / "metrics.jsonl").read_text().splitlines()]
        for f in (folder, uninterrupted)
    )
    assert lines == expected
    assert not [p for p in folder.rglob("*") if p.name.startswith(UNFINISHED)]


def test_a_run_killed_twenty_times_ends_as_if_never_killed(
    tmp_path: Path, uninterrupted: Path, spawn: Spawn
) -> None:
    assert kill_and_resume(tmp_path / "run", spawn, 20) == 0, (tmp_path / "log").read_text()
    assert_same_end(tmp_path / "run", uninterrupted)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("turn", range(10))
def test_ten_runs_killed_twenty_times_each(
    tmp_path: Path, uninterrupted: Path, spawn: Spawn, turn: int
) -> None:
    assert kill_and_resume(tmp_path / "run", spawn, 20) == 0, (tmp_path / "log").read_text()
    assert_same_end(tmp_path / "run", uninterrupted)


def test_the_control_that_saves_in_place_is_caught(
    tmp_path: Path, uninterrupted: Path, spawn: Spawn
) -> None:
    for turn in range(5):
        folder = tmp_path / str(turn) / "run"
        folder.parent.mkdir()
        shutil.copy(uninterrupted.parent / "toy.csv", folder.parent)
        if kill_and_resume(folder, spawn, 20, "--in-place") != 0:
            assert "no checkpoint in" in (folder.parent / "log").read_text()
            return
    pytest.fail("saving in place survived a hundred kills: the test above shows nothing")
