"""Measuring on a shared, noisy machine: interleaved rounds, medians of ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


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


class Quiet:
    """Around a measurement: `was` says afterwards whether other processes left the cores alone.
    Where the system does not tell, it is taken to be so."""

    # Of one core; the system itself takes a little at all times.
    _SHARE = 0.05

    def __enter__(self) -> None:
        self._began = (time.perf_counter(), _busy_seconds(), time.process_time())

    def __exit__(self, *error: object) -> None:
        wall, busy, own = self._began
        wall, own = time.perf_counter() - wall, time.process_time() - own
        now = _busy_seconds()
        others = 0.0 if busy is None or now is None else now - busy - own
        self.was = others < self._SHARE * wall


def _busy_seconds() -> float | None:
    """What all cores have worked since the system began, stolen time included."""
    try:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, words[:8])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def process(arguments: Sequence[str]) -> Callable[[], None]:
    """A whole process of this interpreter, from start to exit."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run
