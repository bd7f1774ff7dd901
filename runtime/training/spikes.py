"""Losses that jump out of the course of a run, with the batches that made them.

A spike is often a batch of bad rows, or a step that was too long; the rows tell which. It is
judged by the losses that are read anyway, so that nothing waits for the device.

Source: the median and its absolute deviation as a scale that outliers do not move: Hampel, "The
influence curve and its role in robust estimation" (1974).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.diagnostics.render.text import render_one
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.run_folder import SPIKES, RunFolder

_WINDOW = 64
_LEAST = 32
# In standard deviations of a normal course; heavy tails reach 10.
_FAR = 12.0
# The same of their logarithms, whose tails are lighter.
_FAR_TIMES = 6.0
#: Of the median: the deviation of a course that hardly varies.
_FLOOR = 0.05
_DEVIATIONS = 1.4826
_MOST = 100
_SAID = 3
_SHOWN = 10


class Spikes(Hook):
    """Writes spikes to `spikes.json`, at most 100 of a run, and says the first three."""

    name: ClassVar[str] = "spikes"

    def __init__(self, folder: RunFolder, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.say = say
        self.recent: deque[float] = deque(maxlen=_WINDOW)
        self._sorted: list[float] = []
        self._written = 0
        self.found: list[dict[str, Any]] = []

    def see(
        self, step: int, loss: float, rows: Callable[[], Sequence[int]], share: float = 1.0
    ) -> None:
        """Takes the loss of a step, in the order of the steps; `share` is what part of a whole
        batch it is the mean of."""
        usual = self._usual(loss, 1 / math.sqrt(share))
        if len(self.recent) == _WINDOW:
            del self._sorted[bisect_left(self._sorted, self.recent[0])]
        self.recent.append(loss)
        insort(self._sorted, loss)
        if usual is None or len(self.found) >= _MOST:
            return
        held = [*rows()]
        self.found.append({"step": step, "loss": loss, "usual": usual, "rows": held})
        if len(self.found) <= _SAID:
            self.say(render_one(_diagnostic(step, loss, usual, held), color=False, width=100))

    def write(self) -> None:
        """Writes those found since the last time, together. Raises `Failure` E0611."""
        if len(self.found) != self._written:
            self.folder.write_json(SPIKES, {"spikes": self.found})
            self._written = len(self.found)

    def _usual(self, loss: float, wider: float) -> float | None:
        """The median of the losses before, where this one is far above it: both in what it adds
        and in how many times it is as large. Of a network that has nearly learned its samples
        the losses of batches differ by orders of magnitude, and none of them is a jump. `wider`
        is how many times as much the mean of fewer samples deviates."""
        if len(self.recent) < _LEAST:
            return None
        median = _middle(self._sorted)
        if loss <= median + _FAR * _FLOOR * abs(median):
            return None
        if loss <= median + wider * _FAR * _scale(self._sorted, median, _FLOOR * abs(median)):
            return None
        if self._sorted[0] > 0:
            logarithms = [math.log(value) for value in self._sorted]
            middle = math.log(median)
            scale = _scale(logarithms, middle, _FLOOR)
            if math.log(loss) <= middle + wider * _FAR_TIMES * scale:
                return None
        return median

    def state(self) -> dict[str, Any]:
        return {"recent": [*self.recent], "found": self.found}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.recent = deque(state.get("recent", ()), maxlen=_WINDOW)
        self._sorted = sorted(self.recent)
        self.found = [*state.get("found", ())]
        # They are in the file, and those after the checkpoint will be found again.
        self._written = len(self.found)


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _scale(values: Sequence[float], median: float, least: float) -> float:
    """The standard deviation of a normal course with that median deviation."""
    return max(_DEVIATIONS * _middle(sorted(abs(value - median) for value in values)), least)


def _diagnostic(step: int, loss: float, usual: float, rows: Sequence[int]) -> Diagnostic:
    listed = ", ".join(str(row) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return Diagnostic(
        code("W0306"),
        f"the loss jumped to {loss:.4g} in step {step:,}, from {usual:.4g}",
        notes=(f"its batch held the rows {listed}{more} of the data",),
        help="look at these rows (`dlc data` audits them), clip: `train: {clip_grad_norm: 1.0}`, "
        "or lower the learning rate",
    )
