"""The course of a figure in one line of text: ▇▅▄▂▁▁."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_KEPT = 512


class Trace:
    """The values of a figure since the start. So that it stays short, neighbours are put
    together whenever it is full; a trace then shows the whole run at half the detail."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._share = 1
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """One value more; what is not finite is no value."""
        if not math.isfinite(value):
            return
        self._sum += value
        self._count += 1
        if self._count < self._share:
            return
        self._values.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._values) >= _KEPT:
            pairs = zip(self._values[::2], self._values[1::2], strict=True)
            self._values = [(one + other) / 2 for one, other in pairs]
            self._share *= 2

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self._values)

    def text(self, width: int) -> str:
        """The trace in at most `width` characters."""
        return sparkline(self._values, width)


def sparkline(values: Sequence[float], width: int) -> str:
    """Finite values as bars between their least and their greatest, at most `width` of them."""
    if not values or width < 1:
        return ""
    shown = values if len(values) <= width else _means(values, width)
    low, high = min(shown), max(shown)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return _BARS[3] * len(shown)
    scale = (len(_BARS) - 1) / (high - low)
    return "".join(_BARS[round((value - low) * scale)] for value in shown)


def _means(values: Sequence[float], width: int) -> list[float]:
    cuts = [place * len(values) // width for place in range(width + 1)]
    return [
        math.fsum(values[start:stop]) / (stop - start) for start, stop in itertools.pairwise(cuts)
    ]
