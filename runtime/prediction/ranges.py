"""Which rows of a table are done."""

from __future__ import annotations

from bisect import bisect_right, insort


class Ranges:
    """Ranges of rows, counted from 1, both ends in them. Those that touch are one."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def add(self, first: int, last: int) -> None:
        """Adds the rows `first` to `last`; none where `last` is less."""
        if last < first:
            return
        insort(self._spans, (first, last))
        merged: list[tuple[int, int]] = []
        for start, stop in self._spans:
            if merged and start <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(merged[-1][1], stop)
            else:
                merged.append((start, stop))
        self._spans = merged

    def __contains__(self, row: int) -> bool:
        at = bisect_right(self._spans, (row, 1 << 62)) - 1
        return at >= 0 and row <= self._spans[at][1]

    @property
    def prefix(self) -> int:
        """How many rows at the start are done without a gap."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 1 else 0

    @property
    def rows(self) -> int:
        return sum(last - first + 1 for first, last in self._spans)
