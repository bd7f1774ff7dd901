"""Several ranks train as one process does: same order, same loss, same decisions."""

from __future__ import annotations

import math
import shutil
import signal
from pathlib import Path
from typing import Any

import group
import numpy as np
import pytest
import work

from dlc.runtime.training.checkpoint import CheckpointStore, load_weights

TOLERANCE = 1e-6


def same_figures(folder: Path, expected: Path) -> None:
    found, wanted = work.told(folder), work.told(expected)
    assert [record["step"] for record in found] == [record["step"] for record in wanted]
    for record, other in zip(found, wanted, strict=True):
        assert record.keys() == other.keys()
        for name in record.keys() - {"seconds"}:
            assert math.isclose(record[name], other[name], rel_tol=TOLERANCE, abs_tol=TOLERANCE), (
                f"{name} at step {record['step']}: {record[name]} and {other[name]}"
            )


def same_weights(folder: Path, expected: Path) -> None:
    found, wanted = load_weights(folder), load_weights(expected)
    for name, value in wanted.items():
        # Adam divides by the root of tiny squares: rounding grows over the steps.
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of one process, and one that it saved half of, twice."""
    root = tmp_path_factory.mktemp("ranks")
    for name in work.RUNS:
        group.start(root / "alone" / name, work.plan(name, root))
    work.half(group.ALONE, root / "half")
    return root


def _together(size: int, alone: Path) -> tuple[Path, list[Any]]:
    folder = alone / f"by-{size}"
    (folder / "sizes").mkdir(parents=True)
    shutil.copytree(alone / "half", folder / "sizes" / "rest")
    for path in (folder, folder / "sizes", folder / "runs", folder / "stopped"):
        path.mkdir(exist_ok=True)
        group.write_rows(path)
    return folder, group.Group(size).run(work.everything, folder)


@pytest.fixture(
    scope="module", params=[2, pytest.param(4, marks=[pytest.mark.full])], ids=["two", "four"]
)
def ranks(request: pytest.FixtureRequest, alone: Path) -> tuple[Path, list[Any]]:
    return _together(request.param, alone)


@pytest.mark.parametrize("name", work.RUNS)
def test_a_run_is_that_of_one_process(
    name: str, ranks: tuple[Path, list[Any]], alone: Path
) -> None:
    folder, said = ranks
    same_figures(folder / "runs" / name, alone / "alone" / name)
    same_weights(folder / "runs" / name, alone / "alone" / name)
    first = said[0]["runs"][name]
    assert all(other["runs"][name]["metrics"] == first["metrics"] for other in said)
    assert all(other["runs"][name]["test"] == first["test"] for other in said)


def test_early_stopping_is_agreed(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    ends = {(s["runs"]["stopping"]["ended"], s["runs"]["stopping"]["steps"]) for s in said}
    assert len(ends) == 1
    assert ends.pop()[0] == "early_stopping"


def test_a_signal_to_one_rank_stops_all_at_one_step_and_the_run_goes_on_exactly(
    ranks: tuple[Path, list[Any]],
) -> None:
    folder, said = ranks
    cuts = {tuple(answer["stopped"]["cut"]) for answer in said}
    assert len(cuts) == 1
    code, steps, name = cuts.pop()
    assert (code, name) == (128 + signal.SIGTERM, "SIGTERM")
    assert 9 <= steps < 27
    assert steps in CheckpointStore(folder / "stopped" / "run" / "checkpoints").steps()
    for answer in said:
        resumed, whole = answer["stopped"]["weights"]
        assert resumed == whole


def test_ranks_draw_different_numbers(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    assert len({answer["stopped"]["draw"] for answer in said}) == len(said)


def test_a_run_goes_on_with_another_number_of_ranks(
    ranks: tuple[Path, list[Any]], alone: Path
) -> None:
    folder, said = ranks
    same_figures(folder / "sizes" / "rest", alone / "alone" / "labels")
    assert said[0]["sizes"]["saved"]["ended"] == "stopped"
    group.resume(folder / "sizes" / "half")
    same_figures(folder / "sizes" / "half", alone / "alone" / "labels")


def test_one_rank_that_fails_ends_all_and_the_leader_says_why(
    ranks: tuple[Path, list[Any]],
) -> None:
    _, said = ranks
    leader, *others = (answer["failures"] for answer in said)
    assert leader[0] == ("E0604", "the file is not here", 65)
    assert leader[1] == ("E0604", "rank 1: the file is not here", 65)
    assert leader[2] == ("nothing", "", 0)
    assert leader[3][0] == "E0639"
    assert leader[3][1] == "rank 1: the hash is of 1 here, and of 0 at rank 0"
    for other in others:
        assert other[0] == ("followed", "", 65)
        assert other[3][0] in ("followed", "E0639")
    size = len(said)
    for answers in (leader, *others):
        assert answers[4][0] == "E0636"
        assert f"{size - 1:,} sample" in answers[4][1]
        assert answers[5][0] == "E0636"
        assert answers[6][0] == "nothing"


def test_batch_norm_over_shares_is_warned_of(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    assert all(answer["warned"] == [["W0307"], []] for answer in said)


def test_only_the_leader_writes(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    assert all(answer["witness"] == [] for answer in said)
