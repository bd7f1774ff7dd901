"""Equality of answers, and whose settings win."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlc.runtime.benching.contenders import Contender
from dlc.runtime.benching.judging import Parity, parity, verdict
from dlc.runtime.benching.measuring import Measured, Timing
from dlc.runtime.bundle.settings import SessionSettings

EQUAL = Parity(largest=0.0, same=1.0, close=True)


def test_numbers_are_compared_by_their_difference_and_answers_by_their_rows():
    logits = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 4.0]], np.float32)
    changed = logits.copy()
    changed[2] = [1.5, 1.0]
    found = parity({"logits": logits}, {"logits": changed})
    assert found.largest == 1.5
    assert found.same == 0.75
    assert not found.close
    assert parity({"logits": logits}, {"logits": logits + 1e-6}).close


def test_labels_are_the_answers_where_both_have_them():
    labels = np.array(["a", "b", "b"], object)
    ours = {"logits": np.zeros((3, 2), np.float32), "logits_label": labels}
    theirs = {**ours, "logits_label": np.array(["a", "b", "a"], object)}
    assert parity(ours, theirs).same == pytest.approx(2 / 3)
    # PyTorch gives the numbers alone.
    assert parity({"logits": ours["logits"]}, theirs).same == 1.0


def test_what_is_no_number_in_both_is_equal_and_in_one_is_not():
    a = np.array([np.nan, np.inf, 1.0], np.float32)
    assert parity({"x": a}, {"x": a.copy()}) == EQUAL
    b = np.array([0.0, np.inf, 1.0], np.float32)
    assert not parity({"x": a}, {"x": b}).close


def contender(file: str | None, threads: int = 2, provider: str = "cpu") -> Contender:
    return Contender(
        name=file or "PyTorch",
        where="CPU",
        threads=threads,
        file=Path(file) if file else None,
        settings=SessionSettings(provider=provider, intra_op_threads=threads) if file else None,
        run=lambda size: None,
        check=lambda size: {},
    )


def measured(*costs: tuple[float, float], quiet: bool = True) -> Measured:
    """Of each contender the seconds of a batch of 1 and of 64."""
    return Measured(
        timings={
            (index, size): Timing(rounds=[((seconds,), quiet)] * 4)
            for index, pair in enumerate(costs)
            for size, seconds in zip((1, 64), pair, strict=True)
        }
    )


FIELD = [contender(None), contender("a", 2), contender("a", 1), contender("a", 2, "openvino")]


@pytest.mark.parametrize(("goal", "winner"), [("latency", 2), ("throughput", 3), ("both", 3)])
def test_the_goal_decides(goal, winner):
    times = measured((0.1, 0.1), (1.0, 8.0), (0.5, 16.0), (0.9, 2.0))
    found = verdict(FIELD, times, [EQUAL] * 4, goal)
    assert found is not None
    assert found.contender == winner
    assert "times as fast as a, CPU, 2 threads" in found.why


def test_what_answers_otherwise_never_wins():
    times = measured((0.1, 0.1), (1.0, 8.0), (0.5, 4.0), (0.1, 1.0))
    for wrong in (
        Parity(largest=1.0, same=0.99, close=False),
        Parity(largest=1, same=1, close=False),
    ):
        found = verdict(FIELD, times, [EQUAL, EQUAL, EQUAL, wrong])
        assert found is not None
        assert found.contender == 2


def test_other_files_do_not_win_settings_and_small_gains_are_none():
    field = [contender("a"), contender("a", 1), contender("b")]
    found = verdict(field, measured((1.0, 1.0), (0.98, 0.98), (0.1, 0.1)), [EQUAL] * 3)
    assert found is not None
    assert found.contender == 0
    assert "more than 5 % faster" in found.why
    assert verdict([contender(None)], measured((1.0, 1.0)), [EQUAL]) is None


def test_beside_other_processes_more_is_asked_of_a_winner():
    field = [contender("a"), contender("a", 1)]
    for gain, quiet, winner in ((1.15, True, 1), (1.15, False, 0), (1.4, False, 1)):
        found = verdict(field, measured((gain, gain), (1.0, 1.0), quiet=quiet), [EQUAL] * 2)
        assert found is not None
        assert found.contender == winner
