"""Whether a measurement was disturbed by other processes."""

from __future__ import annotations

import os
import time
from pathlib import Path


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
