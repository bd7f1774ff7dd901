"""How far an answering is: one line that is written again in a terminal, else a line now
and then."""

from __future__ import annotations

import time
from typing import TextIO

from dlc.runtime.training.progress import time_text

_TERMINAL_SECONDS, _PLAIN_SECONDS = 0.1, 30.0


class Ticker:
    """`total` is the number of rows where it is known, `done` what was answered before. With
    no `stream` nothing is shown."""

    def __init__(self, stream: TextIO | None, total: int | None, done: int = 0) -> None:
        self.stream = stream
        self.total = total
        self.rows = self.before = done
        self.began = self.last = time.monotonic()
        self._terminal = stream is not None and stream.isatty()
        self._shown = False

    def advance(self, rows: int) -> None:
        """Some rows more."""
        self.rows += rows
        now = time.monotonic()
        if now - self.last < (_TERMINAL_SECONDS if self._terminal else _PLAIN_SECONDS):
            return
        self.last = now
        self._write(self.line(now - self.began))

    def line(self, seconds: float) -> str:
        """`12,288 of 60,000 rows  20 %  4,310 rows/s  11 s left`."""
        new = self.rows - self.before
        rate = new / seconds if seconds > 0 else 0.0
        if self.total is None:
            parts = [f"{self.rows:,} rows"]
        else:
            share = self.rows / max(self.total, 1)
            parts = [f"{self.rows:,} of {self.total:,} rows", f"{share:.0%}".replace("%", " %")]
        if rate:
            parts.append(f"{rate:,.0f} rows/s")
            if self.total is not None and self.total > self.rows:
                parts.append(f"{time_text((self.total - self.rows) / rate)} left")
        return "  ".join(parts)

    def stop(self) -> None:
        """Leaves no half of a line behind."""
        if self._terminal and self._shown:
            assert self.stream is not None
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _write(self, text: str) -> None:
        if self.stream is None:
            return
        self._shown = True
        self.stream.write(f"\r{text}\x1b[K" if self._terminal else text + "\n")
        self.stream.flush()
