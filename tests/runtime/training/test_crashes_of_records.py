"""A crash or a failing drive at every operation on `metrics.jsonl` and `monitors.jsonl`."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toy
from test_crashes import Crash, crash, io_error

import specs
from dlc.runtime.failures import IO_FAILURE, Failure
from dlc.runtime.training.checkpoint import CheckpointStore
from dlc.runtime.training.monitors import hook
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.records import Records
from dlc.runtime.training.run_folder import METRICS, MONITORS, RunFolder
from dlc.runtime.training.storage import Disk

FILES = (METRICS, MONITORS)


class Faulty(Disk):
    """Does what `fault` says at operation number `at` on the files of records. After a crash
    nothing happens any more."""

    def __init__(self, at: int, fault: Callable[[], None], *, partial: bool = False) -> None:
        self.at = at
        self.fault = fault
        self.partial = partial
        self.done: list[str] = []

    def _pass(self, name: str) -> bool:
        if self.fault is crash and len(self.done) >= self.at > 0:
            raise Crash
        self.done.append(name)
        return len(self.done) == self.at

    def write(self, descriptor: int, data: memoryview) -> int:
        if self._pass("write"):
            if self.partial:
                super().write(descriptor, data[: len(data) // 2])
            self.fault()
        # A drive may take less than it is given.
        return super().write(descriptor, data[: 2 * len(data) // 3 + 1])

    def sync(self, descriptor: int) -> None:
        if self._pass("sync"):
            self.fault()
        super().sync(descriptor)

    def truncate(self, path: Path, size: int) -> None:
        if self._pass("truncate"):
            self.fault()
        super().truncate(path, size)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of the inside after steps 1, 4 and 8; checkpoints are after 7 and 11."""
    monkeypatch.setattr(hook, "_LEAST_DISTANCE", 4)
    monkeypatch.setattr(hook, "_MOST_SAMPLES", 99)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[[Disk], None]:
    """Puts a disk under the files of records, and under nothing else."""

    def put(disk: Disk) -> None:
        def records(run: RunFolder, name: str = METRICS) -> Records:
            return Records(run.path / name, disk, writes=run.writes)

        monkeypatch.setattr(RunFolder, "records", records)

    return put


def _plan(root: Path) -> Plan:
    sets = ("train.epochs=1", "train.validate_every=steps(5)")
    return specs.plan(root, "optimizer: adamw(lr=5e-3)\n", sets=sets)


def _lines(run: Path, name: str) -> list[bytes]:
    path = run / name
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def _records(run: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in FILES:
        records = [json.loads(line) for line in _lines(run, name)]
        found[name] = [{k: v for k, v in one.items() if k != "seconds"} for one in records]
    return found


def _kept(run: Path) -> dict[str, int]:
    """The bytes of each file that the newest checkpoint counts on."""
    newest = CheckpointStore(run / "checkpoints").load_newest()
    if newest is None:
        return dict.fromkeys(FILES, 0)
    monitors = newest.state["hooks"]["monitors"]["bytes"]
    return {METRICS: newest.state["metrics_bytes"], MONITORS: monitors}


def _same_but_time(line: bytes) -> bytes:
    return line.partition(b'"seconds"')[0]


def test_a_crash_at_any_operation_loses_no_record_and_doubles_none(
    tmp_path: Path, faulty: Callable[[Disk], None]
) -> None:
    plan = _plan(tmp_path)
    counting = Faulty(0, crash)
    faulty(counting)
    weights = toy.start(tmp_path / "whole", plan).summary["weights"]
    expected = _records(tmp_path / "whole")
    assert {name: len(records) for name, records in expected.items()} == {METRICS: 3, MONITORS: 3}
    assert counting.done.count("sync") == 8  # of a record each, and of the folder at the first
    torn = 0
    for at in range(1, len(counting.done) + 1):
        run = tmp_path / str(at)
        # At every other write a part of the record is there, and the line is torn.
        faulty(Faulty(at, crash, partial=at % 2 == 1))
        with pytest.raises(Crash):
            toy.start(run, plan)
        for name, size in _kept(run).items():
            whole = _lines(tmp_path / "whole", name)
            lines = _lines(run, name)
            assert sum(map(len, lines)) >= size, "a record before the checkpoint is lost"
            for line, other in zip(lines, whole, strict=False):
                if line.endswith(b"\n"):
                    assert _same_but_time(line) == _same_but_time(other)
                else:
                    torn += 1
                    assert line is lines[-1]
        faulty(Disk())
        assert toy.resume(run, plan).summary["weights"] == weights
        assert _records(run) == expected, at
    assert torn


def test_a_failing_drive_leaves_whole_records(
    tmp_path: Path, faulty: Callable[[Disk], None]
) -> None:
    plan = _plan(tmp_path)
    counting = Faulty(0, crash)
    faulty(counting)
    toy.start(tmp_path / "whole", plan)
    expected = _records(tmp_path / "whole")
    for at in range(1, len(counting.done) + 1, 3):
        run = tmp_path / str(at)
        number = (errno.ENOSPC, errno.EIO)[at % 2]
        faulty(Faulty(at, io_error(number), partial=True))
        with pytest.raises(Failure) as caught:
            toy.start(run, plan)
        assert caught.value.exit_code == IO_FAILURE
        assert caught.value.diagnostic.code.number == "E0611"
        for name, records in _records(run).items():
            assert records == expected[name][: len(records)]
        faulty(Disk())
        toy.resume(run, plan)
        assert _records(run) == expected, at


def test_a_crash_while_records_are_cut_is_made_good_by_the_next(
    tmp_path: Path, faulty: Callable[[Disk], None]
) -> None:
    plan = _plan(tmp_path)
    counting = Faulty(0, crash)
    faulty(counting)
    toy.start(tmp_path / "whole", plan)
    faulty(Faulty(len(counting.done), crash, partial=True))
    with pytest.raises(Crash):
        toy.start(tmp_path / "run", plan)
    assert any(
        size < len(b"".join(_lines(tmp_path / "run", name)))
        for name, size in _kept(tmp_path / "run").items()
    )
    disk = Faulty(1, crash)
    faulty(disk)
    with pytest.raises(Crash):
        toy.resume(tmp_path / "run", plan)
    assert disk.done == ["truncate"]
    faulty(Disk())
    toy.resume(tmp_path / "run", plan)
    assert _records(tmp_path / "run") == _records(tmp_path / "whole")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_copied_too_early_is_gone_on_with_from_a_whole_line(
    tmp_path: Path, name: str
) -> None:
    records = Records(tmp_path / name)
    for number in range(3):
        records.append({"step": number})
    copy = Records(tmp_path / f"copy-{name}")
    copy.path.write_bytes(records.path.read_bytes()[:-5])
    copy.size = records.size
    copy.cut()
    copy.append({"step": 3})
    lines = copy.path.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 3]
    assert copy.size == copy.path.stat().st_size
