"""Networks that go down and up again, with bridges between: drawn as the U that they are.

Such a network (Ronneberger's U-Net, ladder networks, most segmentation networks) hands
results of its first half to its second half, the last ones first. Drawn in one column, each
bridge is a bracket round those inside it; drawn as a U, it is a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from dlc.compiler.drawing.layout import Cut, Drawing, Line, Point
from dlc.compiler.drawing.moving import extent, moved, shifted
from dlc.compiler.drawing.turned import turned

_FEWEST: Final = 2  # bridges that make a U
_LEAST: Final = 600.0  # height below which brackets are as easy to read
_BETWEEN: Final = 64.0
_FOOT: Final = 12.0
_ABOVE: Final = 7.0  # how far before a box a bridge turns into it


@dataclass(frozen=True)
class _Bridge:
    """A line from the first half to the second: what it is up to its turn towards the other
    half, and from its turn into the box there."""

    line: Line
    upper: tuple[Point, ...]
    lower: tuple[Point, ...]

    @property
    def leaves(self) -> float:
        return self.upper[-1][1]

    @property
    def arrives(self) -> float:
        return self.lower[0][1]


def as_u(drawing: Drawing) -> Drawing | None:
    """The drawing as a U, or None where it is none."""
    if drawing.height < _LEAST:
        return None
    most = max((len(cut.crossing) for cut in drawing.cuts), default=0)
    if most <= _FEWEST:
        return None
    shapes = []
    for cut in drawing.cuts:
        if len(cut.crossing) == most:
            parts = _parts(drawing, cut)
            if parts is not None:
                shapes.append(_joined(drawing, cut, *parts))
    # The one that is cut where its two halves match best.
    return min(shapes, key=lambda shape: shape.height, default=None)


def _parts(drawing: Drawing, cut: Cut) -> tuple[Line, list[_Bridge]] | None:
    """The spine and the bridges, innermost first; None where they are not nested, or where
    a line below hangs on a bridge's way."""
    crossing = [line for line in drawing.lines if _crosses(line, cut.y)]
    wires = [line.wire for line in crossing]
    if len(set(wires)) < len(wires):
        return None
    later = {line.wire for line in drawing.lines if line.branch and line.points[0][1] > cut.y}
    spine: list[Line] = []
    bridges: list[_Bridge] = []
    for line in crossing:
        bridge = _bridge(line, cut.y)
        if bridge is not None and line.wire not in later:
            bridges.append(bridge)
        elif line.points[0][0] == line.points[-1][0] and len(line.points) == 2:
            spine.append(line)
        else:
            return None
    if len(spine) != 1 or len(bridges) < _FEWEST:
        return None
    bridges.sort(key=lambda bridge: -bridge.leaves)
    nested = all(a.arrives < b.arrives for a, b in pairwise(bridges))
    return (spine[0], bridges) if nested else None


def _crosses(line: Line, y: float) -> bool:
    return line.points[0][1] < y < line.points[-1][1]


def _bridge(line: Line, y: float) -> _Bridge | None:
    """A line that goes aside, down a lane on the right, and into a box from there."""
    points = line.points
    at = next(i for i, (a, b) in enumerate(pairwise(points)) if a[1] < y <= b[1])
    lane = points[at][0]
    if at == 0 or points[at - 1][0] >= lane or points[at + 1][0] != lane:
        return None
    rest = points[at + 1 :]
    if len(rest) == 1:
        # The lane leads straight to the box.
        turn = (lane, rest[0][1] - _ABOVE)
        return _Bridge(line, points[:at], (turn, rest[0]))
    return _Bridge(line, points[:at], rest[1:])


# ── joining ──────────────────────────────────────────────────────────────────


@dataclass
class _Stretch:
    """Room made in a half: what is at least as far from the cut as `far` moves away by `by`."""

    far: list[float]
    by: list[float]

    def of(self, distance: float) -> float:
        moved = sum(by for far, by in zip(self.far, self.by, strict=True) if distance >= far)
        return distance + moved


def _joined(drawing: Drawing, cut: Cut, spine: Line, bridges: Sequence[_Bridge]) -> Drawing:
    left, right = _stretches(cut, bridges)
    gone = {id(spine), *(id(bridge.line) for bridge in bridges)}
    whole = [line for line in drawing.lines if id(line) not in gone]
    first = _half(drawing, cut.y, whole, above=True, stretch=left)
    second = turned(_half(drawing, cut.y, whole, above=False, stretch=right))

    def out(points: Sequence[Point]) -> list[Point]:
        return [(x, first.height - left.of(cut.y - y)) for x, y in points]

    def into(points: Sequence[Point]) -> list[Point]:
        return [(second.width - x, second.height - right.of(y - cut.y)) for x, y in points]

    starts = [out(bridge.upper) for bridge in bridges]
    ends = [into(bridge.lower) for bridge in bridges]
    (start,), (end,) = out(spine.points[:1]), into(spine.points[-1:])
    height = max(first.height, second.height)
    x0, x1 = extent(first, [start, *(point for points in starts for point in points)])
    x2, x3 = extent(second, [end, *(point for points in ends for point in points)])
    down = (-x0, height - first.height)
    up = (x1 - x0 + _BETWEEN - x2, height - second.height)
    first, second = moved(first, *down), moved(second, *up)
    (start,), (end,) = shifted([start], *down), shifted([end], *up)
    foot = height + _FOOT
    lines = [
        replace(bridge.line, points=(*shifted(a, *down), *shifted(b, *up)))
        for bridge, a, b in zip(bridges, starts, ends, strict=True)
    ]
    lines.append(replace(spine, points=(start, (start[0], foot), (end[0], foot), end)))
    return replace(
        drawing,
        width=float(round(x3 + up[0] + 0.5)),
        height=foot,
        boxes=(*first.boxes, *second.boxes),
        lines=(*first.lines, *second.lines, *lines),
        texts=(*first.texts, *second.texts),
        cuts=(),
        rows=(),
    )


def _stretches(cut: Cut, bridges: Sequence[_Bridge]) -> tuple[_Stretch, _Stretch]:
    """Room in either half that puts both ends of each bridge at one height."""
    left, right = _Stretch([], []), _Stretch([], [])
    for bridge in bridges:
        out, into = cut.y - bridge.leaves, bridge.arrives - cut.y
        lack = left.of(out) - right.of(into)
        left.far.append(out)
        left.by.append(max(0.0, -lack))
        right.far.append(into)
        right.by.append(max(0.0, lack))
    return left, right


def _half(
    drawing: Drawing, y: float, lines: Sequence[Line], *, above: bool, stretch: _Stretch
) -> Drawing:
    """What stands above or below a cut, stretched, from the top of the half on."""
    boxes = [p for p in drawing.boxes if (p.y < y) == above]
    height = stretch.of(y if above else drawing.height - y)

    def place(at: float, size: float = 0.0) -> float:
        # What has a size moves by its end that is nearer to the cut.
        near = y - at - size if above else at - y
        far = near + size
        more = stretch.of(near) - near
        return height - far - more if above else near + more

    standing = []
    for p in boxes:
        top = place(p.y, p.figure.height)
        standing.append(replace(p, y=top, at=(p.at[0], p.at[1] - p.y + top)))
    kept = [line for line in lines if (line.points[0][1] < y) == above]
    texts = [t for t in drawing.texts if (t.y < y) == above]
    return replace(
        drawing,
        height=height,
        boxes=tuple(standing),
        lines=tuple(replace(n, points=tuple((x, place(at)) for x, at in n.points)) for n in kept),
        texts=tuple(replace(t, y=place(t.y)) for t in texts),
    )
