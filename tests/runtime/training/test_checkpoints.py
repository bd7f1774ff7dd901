from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import toy

from dlc.runtime.failures import BAD_DATA, Failure
from dlc.runtime.training.checkpoint import (
    Checkpoint,
    CheckpointStore,
    load_weights,
    weights_sha256,
)
from dlc.runtime.training.tensors import decode, encode


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    toy.start(root / "run", toy.plan(root, epochs=2))
    return root / "run"


def corruptions(path: Path, count: int) -> Iterator[tuple[Path, bytes]]:
    """Damaged contents of the files of a checkpoint: flipped bits, cut and longer files."""
    draw = random.Random(1)
    files = sorted(path.iterdir())
    for _ in range(count):
        file = draw.choice(files)
        content = bytearray(file.read_bytes())
        match draw.randrange(10):
            case 0:
                content = content[: draw.randrange(len(content))]
            case 1:
                content += b"\0"
            case _:
                content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        yield file, bytes(content)


def check_corruptions(folder: Path, run: Path, count: int) -> None:
    shutil.copytree(run / "checkpoints", folder)
    store = CheckpointStore(folder)
    *_, previous, newest = store.steps()
    for file, damaged in corruptions(store.path(newest), count):
        good = file.read_bytes()
        file.write_bytes(damaged)
        reported: list[Failure] = []
        found = store.load_newest(reported.append)
        assert found is not None
        assert found.step == previous, f"damage of {file.name} went unseen"
        assert [problem.diagnostic.code.number for problem in reported] == ["E0608"]
        file.write_bytes(good)
    assert store.load(newest).step == newest


def test_a_hundred_corruptions_are_all_seen(tmp_path: Path, run: Path) -> None:
    check_corruptions(tmp_path / "checkpoints", run, 100)


@pytest.mark.full
def test_a_thousand_corruptions_are_all_seen(tmp_path: Path, run: Path) -> None:
    check_corruptions(tmp_path / "checkpoints", run, 1000)


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "model.safetensors"])
def test_a_missing_file_is_seen(tmp_path: Path, run: Path, name: str) -> None:
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    store = CheckpointStore(tmp_path / "checkpoints")
    (store.path(store.steps()[-1]) / name).unlink()
    with pytest.raises(Failure, match="is missing"):
        store.load(store.steps()[-1])


def test_a_checkpoint_under_the_name_of_another_step_is_refused(tmp_path: Path, run: Path) -> None:
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    store = CheckpointStore(tmp_path / "checkpoints")
    store.path(store.steps()[-1]).rename(store.path(99))
    with pytest.raises(Failure, match="belongs to another step"):
        store.load(99)


def test_where_all_are_damaged_it_is_said(tmp_path: Path, run: Path) -> None:
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    store = CheckpointStore(tmp_path / "checkpoints")
    for step in store.steps():
        (store.path(step) / "state.json").write_bytes(b"{}")
    with pytest.raises(Failure, match="no checkpoint in") as caught:
        store.load_newest()
    assert caught.value.exit_code == BAD_DATA


def test_nothing_that_is_written_holds_a_pickle(run: Path) -> None:
    for path in run.rglob("*"):
        if path.is_file():
            assert path.suffix in (".json", ".jsonl", ".safetensors", ".py", ".yaml", "")
            content = path.read_bytes()
            assert not content.startswith((b"\x80\x02", b"\x80\x04", b"\x80\x05", b"PK"))


def test_tensors_come_back_and_equal_ones_give_equal_bytes() -> None:
    tensors = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "a": np.array(3, np.int64),
        "empty": np.zeros((0, 4), np.float64),
        "flags": np.array([True, False]),
        "half": np.ones(3, np.float16),
    }
    content = b"".join(encode(tensors))
    assert content == b"".join(encode(dict(reversed(tensors.items()))))
    for name, value in decode(content).items():
        assert value.dtype == tensors[name].dtype
        np.testing.assert_array_equal(value, tensors[name])
    with pytest.raises(ValueError):
        decode(content[:-1])


def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    for step in range(1, 8):
        store.save(Checkpoint(step=step, model={"w": np.zeros(1)}, optimizer={}, state={}))
    store.prune(keep=2, best=3)
    assert store.steps() == (3, 6, 7)


def test_best_weights_are_those_of_the_best_validation(run: Path) -> None:
    state = CheckpointStore(run / "checkpoints").load_newest()
    assert state is not None
    best = CheckpointStore(run / "checkpoints").load(state.state["best"]["step"])
    summary = json.loads((run / "summary.json").read_text())
    assert weights_sha256(load_weights(run)) == weights_sha256(best.model) == summary["weights"]
    assert weights_sha256(load_weights(run, "last")) == weights_sha256(state.model)


def test_a_folder_without_weights_is_told_from_one_with(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="holds no weights yet"):
        load_weights(tmp_path)
