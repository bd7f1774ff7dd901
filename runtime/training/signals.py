"""SIGTERM, SIGINT and SIGUSR1: finish the step, save, exit. A second SIGINT stops at once.

SIGUSR1 is what a cluster's scheduler sends some time before it takes the machine away.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: What asks a run to stop.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)


class Stop:
    """Whether the process was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """As a shell reports a process that the signal ended: 130, 138, 143."""
        assert self.signal is not None
        return 128 + self.signal

    @property
    def name(self) -> str:
        assert self.signal is not None
        return signal.Signals(self.signal).name

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Within it the signals only ask; outside they do what they did before."""
    stop = Stop()
    # Only the main thread may set handlers; a trainer in another one is stopped otherwise.
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[int, Any] = {number: signal.signal(number, stop._ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
