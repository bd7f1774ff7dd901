"""A crash, a full disk or a failing drive at every single operation of a save."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy

from dlc.runtime.failures import IO_FAILURE, Failure
from dlc.runtime.training.checkpoint import Checkpoint, CheckpointStore
from dlc.runtime.training.storage import UNFINISHED, Disk, replace_file


class Crash(BaseException):
    """Ends the process as far as the code under test is concerned."""


class Faulty(Disk):
    """Does what `fault` says at operation number `at`, counted over all kinds. After a
    crash nothing happens any more: no cleaning up either."""

    def __init__(self, at: int, fault: Callable[[], None], *, partial: bool = False) -> None:
        self.at = at
        self.fault = fault
        self.partial = partial
        self.count = 0
        self.dead = False

    def _pass(self) -> bool:
        if self.dead:
            raise Crash
        self.count += 1
        self.dead = self.count == self.at and self.fault is crash
        return self.count == self.at

    def write(self, descriptor: int, data: memoryview) -> int:
        if self._pass():
            if self.partial:
                super().write(descriptor, data[: len(data) // 2])
            self.fault()
        # A drive may take less than it is given.
        return super().write(descriptor, data[: max(1, len(data) // 2)])

    def sync(self, descriptor: int) -> None:
        if self._pass():
            self.fault()
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        if self._pass():
            self.fault()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        # Removing never raises, so only a crash can come here.
        if self.fault is crash and self._pass():
            self.fault()
        super().remove(path)


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(
        step=step,
        model={"w": np.full((3, 2), step, np.float32), "n": np.array(step)},
        optimizer={"w.momentum": np.zeros((3, 2), np.float32)},
        state={"best": {"step": 1}, "numbers": [0.1, step]},
    )


def crash() -> None:
    raise Crash


def io_error(number: int) -> Callable[[], None]:
    def fault() -> None:
        raise OSError(number, "injected")

    return fault


def operations(folder: Path, fault: Callable[[], None] = crash) -> int:
    """How many operations a save takes."""
    disk = Faulty(0, fault)
    CheckpointStore(folder, disk).save(checkpoint(2))
    return disk.count


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path / "checkpoints")
    store.save(checkpoint(1))
    return store


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(UNFINISHED)]


def loaded(store: CheckpointStore) -> Any:
    found = store.load_newest()
    assert found is not None
    return found.model["w"][0, 0]


@pytest.mark.parametrize("partial", [False, True])
def test_a_crash_anywhere_in_a_save_leaves_the_old_or_the_new(
    tmp_path: Path, store: CheckpointStore, partial: bool
) -> None:
    count = operations(tmp_path / "count")
    assert count > 20
    outcomes = set()
    for at in range(1, count + 1):
        folder = tmp_path / str(at)
        shutil.copytree(store.folder, folder)
        with pytest.raises(Crash):
            CheckpointStore(folder, Faulty(at, crash, partial=partial)).save(checkpoint(2))
        after = CheckpointStore(folder)
        after.clean()
        assert not leftovers(folder)
        outcomes.add(float(loaded(after)))
        after.save(checkpoint(2))
        assert loaded(after) == 2
    assert outcomes == {1.0, 2.0}


def test_a_crash_while_saving_a_step_again_never_leaves_neither(tmp_path: Path) -> None:
    for at in range(1, operations(tmp_path / "count") + 3):
        store = CheckpointStore(tmp_path / str(at))
        store.save(checkpoint(1))
        store.save(checkpoint(2))
        damaged = store.path(2) / "model.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-1])
        try:
            CheckpointStore(store.folder, Faulty(at, crash)).save(checkpoint(2))
        except Crash:
            store.clean()
        assert loaded(store) in (1, 2)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_failing_drive_ends_with_74_and_leaves_the_old_one(
    tmp_path: Path, store: CheckpointStore, number: int
) -> None:
    fault = io_error(number)
    for at in range(1, operations(tmp_path / "count", fault) + 1):
        folder = tmp_path / f"{number}-{at}"
        shutil.copytree(store.folder, folder)
        failing = CheckpointStore(folder, Faulty(at, fault, partial=True))
        with pytest.raises(Failure) as caught:
            failing.save(checkpoint(2))
        assert caught.value.exit_code == IO_FAILURE
        assert caught.value.diagnostic.code.number == "E0611"
        assert not leftovers(folder)
        assert loaded(CheckpointStore(folder)) in (1, 2)
        assert loaded(store) == 1


def test_a_crash_while_pruning_never_leaves_half_a_checkpoint(tmp_path: Path) -> None:
    for at in range(1, 4):
        store = CheckpointStore(tmp_path / str(at))
        for step in range(1, 5):
            store.save(checkpoint(step))
        try:
            CheckpointStore(store.folder, Faulty(at, crash)).prune(keep=1, best=2)
        except Crash:
            store.clean()
        for step in store.steps():
            store.load(step)
        assert {2, 4} <= set(store.steps())


def test_a_crash_while_a_file_is_replaced_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    for at in range(1, 12):
        path.write_bytes(b"old" * 10)
        with contextlib.suppress(Crash):
            replace_file(path, b"new" * 10, Faulty(at, crash, partial=True))
        assert path.read_bytes() in (b"old" * 10, b"new" * 10)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_run_on_a_full_disk_keeps_its_last_checkpoint_and_resumes(
    tmp_path: Path, number: int
) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    counting = Faulty(0, io_error(number))
    whole = toy.start(tmp_path / "whole", plan, disk=counting)
    failing = Faulty(counting.count * 2 // 3, io_error(number))
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", plan, disk=failing)
    assert caught.value.exit_code == IO_FAILURE
    assert not leftovers(tmp_path / "run")
    assert CheckpointStore(tmp_path / "run" / "checkpoints").steps()
    resumed = toy.resume(tmp_path / "run", plan)
    assert resumed.summary["weights"] == whole.summary["weights"]


def test_a_disk_that_is_full_from_the_start_leaves_no_run(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    for at in (1, 5, 20):
        with pytest.raises(Failure) as caught:
            toy.start(tmp_path / "run", plan, disk=Faulty(at, io_error(errno.ENOSPC)))
        assert caught.value.exit_code == IO_FAILURE
        assert "free some space" in (caught.value.diagnostic.help or "")
    assert toy.start(tmp_path / "run", plan).exit_code == 0


def test_the_control_that_saves_in_place_loses_its_only_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = 0
    for at in range(1, 5):
        store = toy.InPlaceStore(tmp_path / str(at))
        store.save(checkpoint(1))
        writes = 0
        genuine = Path.write_bytes

        def failing(path: Path, content: bytes, at: int = at, genuine: Any = genuine) -> int:
            nonlocal writes
            writes += 1
            if writes == at:
                genuine(path, content[:-1])
                raise Crash
            return int(genuine(path, content))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", failing)
            with pytest.raises(Crash):
                store.save(checkpoint(2))
        try:
            store.load_newest()
        except Failure:
            lost += 1
    assert lost == 4
