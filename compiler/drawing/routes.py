"""Wires between two rows: vertical lines, joined by horizontal ones on tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dlc.compiler.drawing.layers import Hop

#: The distance of two tracks, and what is left free above and below them.
TRACK: Final = 8.0
ARROW: Final = 13.0
STUB: Final = 6.0
_CAREFUL: Final = 48  # nets in one gap up to which every order of two is weighed


@dataclass(eq=False, slots=True)
class Net:
    """All that leaves one place above a gap: it comes down at `start` and goes down again at
    each of `ends`. A net that goes straight needs no track."""

    start: float
    hops: list[Hop] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    track: int = -1

    @property
    def bent(self) -> bool:
        return any(abs(end - self.start) > 0.5 for end in self.ends)

    @property
    def low(self) -> float:
        return min(self.start, *self.ends)

    @property
    def high(self) -> float:
        return max(self.start, *self.ends)


def set_tracks(nets: Sequence[Net]) -> int:
    """Gives every bent net a track, counted from above, so that lines cross seldom and never
    lie upon each other. Gives the number of tracks."""
    bent = [net for net in nets if net.bent]
    ranked = _by_crossings(bent) if len(bent) <= _CAREFUL else _by_direction(bent)
    tracks: list[list[Net]] = []
    for net in ranked:
        # Below every net that it may not be mixed up with, as near to the top as that allows.
        at = 0
        for i, others in enumerate(tracks):
            if any(net.low <= o.high + TRACK and o.low <= net.high + TRACK for o in others):
                at = i + 1
        if at == len(tracks):
            tracks.append([])
        tracks[at].append(net)
        net.track = at
    return len(tracks)


def _by_direction(nets: Sequence[Net]) -> list[Net]:
    right = sorted((n for n in nets if n.high > n.start), key=lambda n: -n.start)
    left = sorted((n for n in nets if n.high <= n.start), key=lambda n: n.start)
    return right + left


def _by_crossings(nets: Sequence[Net]) -> list[Net]:
    left = _by_direction(nets)
    cost = {(a, b): _price(a, b) for a in left for b in left if a is not b}
    ranked: list[Net] = []
    while left:
        net = min(
            left,
            key=lambda a: sum(cost[a, b] - cost[b, a] for b in left if b is not a),
        )
        left.remove(net)
        ranked.append(net)
    return ranked


def _price(upper: Net, lower: Net) -> int:
    """How bad it is that one net runs above another: a line that crosses counts one, two
    vertical lines upon each other count for many."""
    total = int(upper.low < lower.start < upper.high)
    total += sum(lower.low < end < lower.high for end in upper.ends)
    clash = any(abs(end - lower.start) < 1 for end in upper.ends)
    return total + 20 * clash
