"""Measuring by a clock of our own: who runs when, what is kept, and how speeds are told."""

from __future__ import annotations

import pytest

from dlc.runtime.benching import measuring
from dlc.runtime.benching.measuring import Timing, measure, speed


class Clock:
    """Time passes when a contender runs, and not otherwise."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[tuple[str, int]] = []

    def __call__(self) -> float:
        return self.now

    def contender(self, name: str, cost: float):
        def run(size: int) -> None:
            self.ran.append((name, size))
            self.now += cost * size

        return run


def test_contenders_take_turns_and_none_is_always_first():
    clock = Clock()
    runs = [clock.contender(name, 0.1) for name in "abc"]
    found = measure(runs, [1], 3.0, clock=clock)
    # A call each before the rounds, then a call is longer than a stretch.
    rounds = ["".join(name for name, _ in clock.ran[at : at + 3]) for at in range(3, 12, 3)]
    assert rounds == ["abc", "bca", "cab"]
    counts = {len(timing.rounds) for timing in found.timings.values()}
    assert len(counts) == 1
    assert 8 <= counts.pop() <= 9


def test_short_calls_fill_a_stretch_and_long_ones_are_made_once():
    clock = Clock()
    found = measure(
        [clock.contender("short", 0.001), clock.contender("long", 1.0)], [1], 5.0, clock=clock
    )
    assert {len(calls) for calls, _ in found.timings[0, 1].rounds} <= {60, 61}
    assert {len(calls) for calls, _ in found.timings[1, 1].rounds} == {1}
    assert found.timings[1, 1].p50 == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [1, 5, 90])
def test_the_time_is_kept_and_what_there_is_none_for_is_left_out(seconds):
    clock = Clock()
    found = measure([clock.contender("a", 0.1)], [100, 1, 10], seconds, clock=clock)
    assert (*found.sizes, *found.left_out) == (1, 10, 100)
    assert found.left_out == {1: (10, 100), 5: (100,), 90: ()}[seconds]
    # One more round than there is time for, at most.
    assert clock.now <= seconds + 0.1 * max(found.sizes) * 2


def test_a_model_that_is_slower_than_the_time_is_measured_once():
    clock = Clock()
    found = measure([clock.contender("a", 100.0)], [1, 2], 1.0, clock=clock)
    assert (found.sizes, found.left_out) == ((1,), (2,))
    assert len(found.timings[0, 1].rounds) == 1


def timing(*rounds: tuple[float, bool]) -> Timing:
    return Timing(rounds=[((seconds,) * 5, quiet) for seconds, quiet in rounds])


def test_rounds_that_were_disturbed_do_not_count_where_others_suffice():
    ours = timing((1.0, True), (9.0, False), (1.0, True), (1.2, True), (9.0, False))
    theirs = timing((2.0, True), (2.0, False), (2.0, True), (2.4, True), (2.0, True))
    assert ours.p50 == 1.0
    assert ours.p99 == 1.2
    assert speed(ours, theirs) == pytest.approx(2.0)


def test_without_quiet_rounds_all_calls_count():
    ours = Timing(rounds=[((0.5,) * 99, False), ((50.0,), False), ((50.0,), False)])
    theirs = Timing(rounds=[((1.0,) * 99, False)] * 3)
    # In two rounds of three one call was held up; of the calls it was few.
    assert ours.p50 == 0.5
    assert ours.p99 == 50.0
    assert speed(ours, theirs) == pytest.approx(2.0)


def test_quantiles_are_calls_that_were_made():
    one = Timing(rounds=[(tuple(float(k) for k in range(1, 101)), True)])
    assert (one.p50, one.p99, one.quantile(1.0)) == (50.0, 99.0, 100.0)
    assert one.quiet < measuring._FEWEST_QUIET
