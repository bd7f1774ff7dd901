"""Measuring in turn: every contender in every round, so that what disturbs meets them all."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dlc.runtime.benching.quiet import Quiet

#: Runs a batch of so many rows once.
Run = Callable[[int], object]
Clock = Callable[[], float]

# The kernel counts busy time in hundredths of a second: a shorter stretch tells nothing.
_STRETCH = 0.06
_FEWEST_QUIET = 3
_MOST_ROUNDS = 60


@dataclass(kw_only=True)
class Timing:
    """What was measured of one contender at one size of batch: seconds of calls by round, and
    whether the round was quiet."""

    rounds: list[tuple[tuple[float, ...], bool]] = field(default_factory=list)

    @property
    def quiet(self) -> int:
        return sum(quiet for _, quiet in self.rounds)

    @property
    def calls(self) -> list[float]:
        """Those of quiet rounds, where there are enough of these, else all."""
        only = self.quiet >= _FEWEST_QUIET
        return [call for calls, quiet in self.rounds if quiet or not only for call in calls]

    def quantile(self, share: float) -> float:
        """The smallest time that `share` of the calls do not exceed."""
        calls = sorted(self.calls)
        return calls[max(0, math.ceil(share * len(calls)) - 1)]

    @property
    def p50(self) -> float:
        return self.quantile(0.5)

    @property
    def p99(self) -> float:
        return self.quantile(0.99)


def speed(ours: Timing, yardstick: Timing) -> float:
    """How many times as fast as the yardstick: the median over rounds of the ratio of medians
    in the same round, where enough rounds were quiet for both. Else the ratio of the median
    calls: threads that wait for a processor that another process holds take a thousand times
    as long, which in a round with one such call would be all that counts."""
    pairs = list(zip(ours.rounds, yardstick.rounds, strict=False))
    quiet = [pair for pair in pairs if pair[0][1] and pair[1][1]]
    if len(quiet) < _FEWEST_QUIET:
        return yardstick.p50 / ours.p50
    return statistics.median(
        statistics.median(b) / statistics.median(a) for (a, _), (b, _) in quiet
    )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Timings by the place of a contender and the size of a batch. `left_out` are sizes for
    which there was no time."""

    timings: Mapping[tuple[int, int], Timing]
    left_out: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(size for _, size in self.timings))

    @property
    def quiet_share(self) -> float:
        rounds = [quiet for timing in self.timings.values() for _, quiet in timing.rounds]
        return sum(rounds) / max(len(rounds), 1)


def measure(
    runs: Sequence[Run],
    sizes: Sequence[int],
    seconds: float,
    tell: Callable[[str], None] = lambda text: None,
    clock: Clock = time.perf_counter,
) -> Measured:
    """Measures every contender at every size, small ones first, in about `seconds`. A size that
    would take longer than is left, judged by the one before it, is left out; the first is
    measured once at least."""
    began, timings = clock(), dict[tuple[int, int], Timing]()
    ordered = sorted(set(sizes))
    left_out: list[int] = []
    once = 0.0
    for index, size in enumerate(ordered):
        left = seconds - (clock() - began)
        if index and once * size / ordered[index - 1] * 2 > left:
            left_out += ordered[index:]
            break
        tell(f"batch {size}")
        budget = left / (len(ordered) - index)
        once = _size(runs, size, budget, timings, clock)
    return Measured(timings=timings, left_out=tuple(left_out))


def _size(
    runs: Sequence[Run],
    size: int,
    budget: float,
    timings: dict[tuple[int, int], Timing],
    clock: Clock,
) -> float:
    """Measures one size; gives what running all contenders once takes."""
    began = clock()
    for run in runs:
        # The first call allocates, and chooses kernels.
        run(size)
    mine = [Timing() for _ in runs]
    timings |= {(index, size): timing for index, timing in enumerate(mine)}
    order = list(range(len(runs)))
    for number in range(_MOST_ROUNDS):
        start = clock()
        # Whoever runs behind a heavy one finds its caches full of that: take turns.
        for index in order[number % len(order) :] + order[: number % len(order)]:
            mine[index].rounds.append(_stretch(runs[index], size, clock))
        if clock() - began + (clock() - start) > budget:
            break
    return sum(timing.p50 for timing in mine)


def _stretch(run: Run, size: int, clock: Clock) -> tuple[tuple[float, ...], bool]:
    quiet, calls = Quiet(), []
    with quiet:
        until = clock() + _STRETCH
        while True:
            start = clock()
            run(size)
            end = clock()
            calls.append(end - start)
            if end >= until:
                break
    return tuple(calls), quiet.was
