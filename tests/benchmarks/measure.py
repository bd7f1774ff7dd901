"""Measuring on a shared, noisy machine: interleaved rounds, medians of ratios."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlc.runtime.benching.quiet import Quiet as Quiet


@dataclass(frozen=True)
class Ratio:
    """Time of ours over time of the yardstick, round by round.

    `median` is what to quote; `low` and `high` are the extreme rounds. `cpu` is the median
    ratio of the processor time that all threads of this process took, which neighbours on the
    machine change less; child processes are not in it. Times in seconds.
    """

    ours: float
    yardstick: float
    median: float
    low: float
    high: float
    cpu: float

    @property
    def text(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f} .. {self.high:.2f}]"


def interleaved(ours: Callable[[], object], yardstick: Callable[[], object], rounds: int) -> Ratio:
    """Runs the two in turn, first one first, then the other first, and compares them."""
    a: list[float] = []
    b: list[float] = []
    cpu_a: list[float] = []
    cpu_b: list[float] = []
    ours()
    yardstick()
    for round in range(rounds):
        pairs = [(ours, a, cpu_a), (yardstick, b, cpu_b)]
        for run, times, cpu in pairs if round % 2 == 0 else reversed(pairs):
            start, begun = time.perf_counter(), time.process_time()
            run()
            times.append(time.perf_counter() - start)
            cpu.append(time.process_time() - begun)
    ratios = sorted(x / y for x, y in zip(a, b, strict=True))
    return Ratio(
        ours=statistics.median(a),
        yardstick=statistics.median(b),
        median=statistics.median(ratios),
        low=ratios[0],
        high=ratios[-1],
        cpu=statistics.median(x / max(y, 1e-9) for x, y in zip(cpu_a, cpu_b, strict=True)),
    )


def process(arguments: Sequence[str]) -> Callable[[], None]:
    """A whole process of this interpreter, from start to exit."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run
