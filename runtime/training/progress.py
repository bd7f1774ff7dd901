"""What a person sees while a network is trained: a live view in a terminal, else plain
lines. All of it goes to standard error; standard output is for the answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from dlc.runtime.inference.figures import is_of_class

# Without a terminal a line between validations says at most this often that all is well.
_PLAIN_SECONDS = 10.0


class Progress(Protocol):
    """Follows a run. Figures are by the names of `metrics.jsonl`."""

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None:
        """A session begins after `step` steps of the run in `folder`."""

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None:
        """Some steps more; `figures` are of the training batches since the last call. `gauges`
        are `lr`, `grad_norm` (the norm of all gradients in one step, before clipping) and
        `memory` (bytes), as far as they are known."""

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None: ...

    def say(self, text: str) -> None:
        """A line that stays."""

    def stop(self) -> None:
        """The session makes no more steps."""

    def concluded(self, summary: Mapping[str, Any]) -> None:
        """The run is over; `summary` is what `summary.json` holds."""


class Silent:
    """Shows nothing."""

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None: ...

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None: ...

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None: ...

    def say(self, text: str) -> None: ...

    def stop(self) -> None: ...

    def concluded(self, summary: Mapping[str, Any]) -> None: ...


def progress_for(stream: TextIO, *, quiet: bool = False) -> Progress:
    if quiet:
        return Silent()
    if not stream.isatty():
        return Plain(stream)
    from dlc.runtime.training.live import Live

    return Live(stream)


def figures_text(figures: Mapping[str, Any]) -> str:
    """`loss 0.1234  val_accuracy 0.9812`. Those of single classes would fill the line."""
    return "  ".join(
        f"{name} {value:.4g}" if abs(value) < 1e-3 else f"{name} {value:.4f}"
        for name, value in figures.items()
        if isinstance(value, float) and not is_of_class(name)
    )


def time_text(seconds: float) -> str:
    """`8 s`, `3:05 min`, `2:03:05 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d} h"


class Pace:
    """The time left, by the steps since the start, validations included."""

    def __init__(self) -> None:
        self.total = self.per_epoch = self.first = 0
        self.began = time.monotonic()

    def start(self, step: int, total: int, per_epoch: int) -> None:
        self.total, self.per_epoch, self.first = total, max(per_epoch, 1), step
        self.began = time.monotonic()

    def left(self, step: int) -> float | None:
        done = step - self.first
        if done <= 0:
            return None
        return (time.monotonic() - self.began) / done * (self.total - step)

    def epoch_text(self, step: int) -> str:
        epochs = -(-self.total // self.per_epoch)
        return f"epoch {min(max(1, -(-step // self.per_epoch)), epochs)}/{epochs}"


class Plain(Silent):
    """A line a validation, and one now and then between."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self.pace = Pace()
        self.rate = 0.0
        self.last = time.monotonic()

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None:
        self.pace.start(step, total_steps, steps_per_epoch)

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None:
        self.rate = samples_per_second
        if time.monotonic() - self.last >= _PLAIN_SECONDS:
            self._line(step, figures_text(figures))

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None:
        figures = {
            name: value
            for name, value in record.items()
            if name == "loss" or name.startswith("val_")
        }
        self._line(record["step"], figures_text(figures) + ("  (best)" if best else ""))

    def _line(self, step: int, text: str) -> None:
        self.last = time.monotonic()
        place = f"{self.pace.epoch_text(step)}  step {step:,}/{self.pace.total:,}"
        self.say("  ".join(part for part in (place, text, *self._speed(step)) if part))

    def _speed(self, step: int) -> list[str]:
        parts = [f"{self.rate:,.0f} samples/s"] if self.rate else []
        left = self.pace.left(step)
        if left is not None and step < self.pace.total:
            parts.append(f"{time_text(left)} left")
        return parts

    def say(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()
