"""Four unlike runs, killed at random moments, end with the weights of those never killed.

The long form of `test_kills`: fifty kills of each.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import socket
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import configurations
import pytest
from test_kills import line_count
from toy import Spawn

from dlc.runtime.training.storage import UNFINISHED

KILLS = 50
END_SECONDS = 300.0
FOLLOW_SECONDS = 20.0


class Processes:
    """The processes of one attempt at a run."""

    def __init__(self, name: str, folder: Path) -> None:
        self.log = folder.parent / f"{folder.name}.log"
        self.lines = line_count(self.log)
        size = configurations.CONFIGURATIONS[name].ranks
        context = multiprocessing.get_context("forkserver")
        port = _free_port() if size > 1 else 0
        self.all: list[BaseProcess] = []
        for rank in range(size):
            log = self.log if rank == 0 else self.log.with_suffix(f".{rank}")
            given = (name, str(folder), str(log), rank, port)
            self.all.append(context.Process(target=configurations.work, args=given))
            self.all[-1].start()

    def speak(self) -> None:
        """Waits for the line that says that it trains."""
        while self.all[0].is_alive() and line_count(self.log) == self.lines:
            time.sleep(0.002)

    def kill(self, draw: random.Random) -> list[int]:
        """Kills one of them, or all; those left find out. Gives the exit codes."""
        victims = draw.choice([*([one] for one in self.all), self.all])
        for victim in victims:
            victim.kill()
        end = time.monotonic() + FOLLOW_SECONDS
        for process in self.all:
            process.join(max(end - time.monotonic(), 0))
            # One that waits to meet a rank that died before it came would do so for a minute.
            process.kill()
        return self.ended()

    def ended(self, seconds: float = END_SECONDS) -> list[int]:
        """Their exit codes; one that does not end fails the test."""
        codes = []
        for process in self.all:
            process.join(seconds)
            if process.exitcode is None:
                process.kill()
                pytest.fail(f"a run does not end:\n{self.log.read_text()}")
            codes.append(process.exitcode)
        return codes


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def _end(folder: Path) -> dict[str, Any]:
    """All that must not depend on whether a run was killed."""
    newest = sorted((folder / "checkpoints").glob("step-*"))[-1]
    kept = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in newest.glob("*.safetensors")
    }
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((folder / "summary.json").read_text())
    return {
        "files": kept,
        "metrics": [{k: v for k, v in one.items() if k != "seconds"} for one in records],
        "monitors": (folder / "monitors.jsonl").read_text().splitlines(),
        **{name: summary[name] for name in ("weights", "steps", "metrics", "test")},
    }


def _killed(name: str, root: Path, kills: int, seed: int) -> tuple[int, int]:
    """Kills runs of a configuration until that was done so often, and lets each end. Gives how
    many ended, and how often a run went on from a checkpoint."""
    draw = random.Random(seed)
    whole = root / "whole"
    runs = resumed = 0
    while kills:
        runs += 1
        folder = root / f"run-{runs}"
        while kills:
            processes = Processes(name, folder)
            # Some die while they start; most once the line that says so shows them training.
            if draw.random() < 0.8:
                processes.speak()
            time.sleep(draw.uniform(0.0, 0.25))
            codes = processes.kill(draw)
            if not any(codes):
                break  # it ended before: another run is to be killed
            assert -9 in codes, processes.log.read_text()
            kills -= 1
        codes = Processes(name, folder).ended() if any(codes) else codes
        log = folder.parent / f"{folder.name}.log"
        assert not any(codes), log.read_text()
        assert _end(folder) == _end(whole)
        assert not [path for path in folder.rglob("*") if path.name.startswith(UNFINISHED)]
        resumed += log.read_text().count("from step")
    return runs, resumed


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", configurations.CONFIGURATIONS)
def test_a_run_of_each_kind_killed_fifty_times_ends_as_if_never_killed(
    tmp_path: Path, spawn: Spawn, name: str
) -> None:
    configurations.write_data(tmp_path)
    assert not any(Processes(name, tmp_path / "whole").ended()), (
        tmp_path / "whole.log"
    ).read_text()
    runs, resumed = _killed(name, tmp_path, KILLS, seed=7)
    print(f"{name}: {KILLS} kills over {runs} runs, {resumed} times gone on from a checkpoint")
    # Else it was killed before its first checkpoint each time.
    assert resumed > KILLS // 4
