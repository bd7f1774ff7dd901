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
    for name in work.RESIZED:
        group.write_rows(_made(root / "half"))
        work.half(group.ALONE, root / "half", name)
    return root


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _together(size: int, alone: Path) -> tuple[Path, list[Any]]:
    folder = alone / f"by-{size}"
    shutil.copytree(alone / "half", folder / "sizes" / "rest")
    for path in (folder, folder / "sizes" / "half", folder / "runs", folder / "stopped"):
        group.write_rows(_made(path))
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


@pytest.mark.parametrize("name", ["ema", "swa", "top_k"])
def test_an_average_is_what_the_run_ends_with(
    name: str, ranks: tuple[Path, list[Any]], alone: Path
) -> None:
    folder, said = ranks
    for run in (folder / "runs" / name, alone / "alone" / name):
        ending, last = load_weights(run), load_weights(run, "last")
        assert any(not np.array_equal(ending[key], last[key]) for key in last)
    summary = work.summary(alone / "alone" / name)
    for answer in said:
        assert answer["runs"][name].get("averaged") == summary.get("averaged")
        assert answer["runs"][name]["test"] == pytest.approx(summary["test"], rel=1e-5)


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


@pytest.mark.parametrize("place", range(len(work.RESIZED)), ids=work.RESIZED)
def test_a_run_goes_on_with_another_number_of_ranks(
    place: int, ranks: tuple[Path, list[Any]], alone: Path
) -> None:
    folder, said = ranks
    name = work.RESIZED[place]
    for answer in said:
        assert [ends[place] for ends in answer["sizes"]] == ["stopped", "finished"]
    same_figures(folder / "sizes" / "rest" / name, alone / "alone" / name)
    group.resume(folder / "sizes" / "half" / name)
    same_figures(folder / "sizes" / "half" / name, alone / "alone" / name)


def test_parameters_are_divided_block_by_block(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    for answer in said:
        assert answer["units"] == ["", *(f"bend.{turn}" for turn in range(3))]


def test_optimizers_that_ranks_cannot_share_are_refused(ranks: tuple[Path, list[Any]]) -> None:
    _, said = ranks
    for answer in said:
        assert answer["undividable"] == ["E0640 newton", "E0640 lbfgs", "E0640 muon"]


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
