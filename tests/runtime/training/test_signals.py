"""A signal ends a run after its step; a second writer changes nothing."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import toy
from toy import Spawn

from dlc.runtime.failures import IN_USE
from dlc.runtime.training.checkpoint import CheckpointStore


def wait_for(text: str, log: Path, process: BaseProcess, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not (log.exists() and text in log.read_text()):
        assert process.is_alive(), log.read_text() if log.exists() else "no output"
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("whole")
    return str(toy.start(root / "run", toy.plan(root, epochs=20)).summary["weights"])


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 138)],
    ids=["SIGTERM", "SIGINT", "SIGUSR1"],
)
def test_a_signal_saves_and_the_run_goes_on_exactly(
    tmp_path: Path, spawn: Spawn, expected: str, number: signal.Signals, code: int
) -> None:
    log, run = tmp_path / "log", tmp_path / "run"
    process = spawn(log, "start", run, "--epochs", 20, "--pause", 0.05)
    wait_for("step 22", log, process)
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode == code, log.read_text()
    assert f"stopped by {number.name} after step" in log.read_text()
    saved = CheckpointStore(run / "checkpoints").steps()[-1]
    assert f"after step {saved};" in log.read_text()
    resumed = toy.resume(run, toy.plan(tmp_path, epochs=20))
    assert resumed.summary["weights"] == expected


def test_a_second_interrupt_stops_at_once_and_loses_nothing_saved(
    tmp_path: Path, spawn: Spawn, expected: str
) -> None:
    log, run = tmp_path / "log", tmp_path / "run"
    # Between two signals the run sleeps after a validation: it cannot reach its next step.
    process = spawn(log, "start", run, "--epochs", 20, "--pause", 30)
    wait_for("step 11", log, process)
    assert process.pid is not None
    began = time.monotonic()
    while process.is_alive() and time.monotonic() < began + 20:
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.05)
    process.join(60)
    assert time.monotonic() - began < 20
    assert process.exitcode != 0
    resumed = toy.resume(run, toy.plan(tmp_path, epochs=20))
    assert resumed.summary["weights"] == expected


def test_a_second_writer_is_refused_and_the_first_is_unharmed(
    tmp_path: Path, spawn: Spawn, expected: str
) -> None:
    first_log, second_log, run = tmp_path / "first", tmp_path / "second", tmp_path / "run"
    first = spawn(first_log, "start", run, "--epochs", 20, "--pause", 0.1)
    wait_for("step 11", first_log, first)
    for what in ("start", "resume"):
        second = spawn(second_log, what, run, "--epochs", 20)
        second.join(60)
        assert second.exitcode == IN_USE, second_log.read_text()
    assert f"another process ({first.pid}) is writing" in second_log.read_text()
    first.join(120)
    assert first.exitcode == 0, first_log.read_text()
    assert toy.resume(run, toy.plan(tmp_path, epochs=20)).summary["weights"] == expected
