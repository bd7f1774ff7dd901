"""A drawing on a page: its title, and its columns where it is too tall for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, TypeAlias

from dlc.compiler.drawing.layout import Cut, Drawing, Layouts, Line, Placed, Point
from dlc.compiler.drawing.moving import extent, moved, shifted
from dlc.compiler.drawing.routes import TRACK
from dlc.compiler.drawing.shapes import Text
from dlc.compiler.drawing.ushape import as_u
from dlc.compiler.drawing.view import View
from dlc.compiler.record import component

_MARGIN: Final = 20.0
_HEAD: Final = 52.0
_TALL: Final = 950.0  # below this a picture stays in one column
_RATIO: Final = 1.42  # height by width of a sheet
_COLUMNS: Final = 12
_CROSSING: Final = 6  # wires that may run from one column to the next
_SPACE: Final = 26.0  # beside a channel between columns
_SHORTER: Final = 0.72  # what another column must make of the height to be worth its wires
_SHEET: Final = (1300.0, 1800.0)  # pixels that are legible on A4
_SHOWN: Final = 400  # boxes from which on nothing more is unfolded of itself

#: A wire from one column to the next, and how many lines it stands for.
Joint: TypeAlias = tuple[tuple[Point, ...], int]


@component
class Page:
    """A picture. `joints` are the wires from one column to the next, with how many there are
    of each."""

    width: float
    height: float
    title: Text
    caption: Text
    drawing: Drawing
    joints: tuple[Joint, ...] = ()


def make_page(view: View, depth: int | None = None) -> Page:
    """The picture of a view with `depth` levels of blocks unfolded, or with as many as leave
    it easy to survey."""
    layouts = Layouts(view)
    if depth is None:
        drawing, joints = _easy(layouts, view)
    else:
        drawing, joints = in_columns(layouts.drawing(view.main, min(depth, layouts.deepest())))
    title = Text(x=_MARGIN, y=_MARGIN + 16, text=view.name, style="head")
    caption = Text(x=_MARGIN, y=_MARGIN + 35, text=view.caption, style="caption")
    width = max(drawing.width, title.width, caption.width)
    left = _MARGIN + (width - drawing.width) / 2
    placed = moved(drawing, round(left), _MARGIN + _HEAD)
    return Page(
        width=float(round(width + 2 * _MARGIN)),
        height=float(round(drawing.height + 2 * _MARGIN + _HEAD)),
        title=title,
        caption=caption,
        drawing=placed,
        joints=tuple((shifted(points, round(left), _MARGIN + _HEAD), n) for points, n in joints),
    )


def _easy(layouts: Layouts, view: View) -> tuple[Drawing, list[Joint]]:
    """With as many levels unfolded as a sheet of paper takes in legible size."""
    chosen = in_columns(layouts.drawing(view.main, 0))
    for depth in range(1, layouts.deepest() + 1):
        if layouts.boxes(depth) > _SHOWN:
            break
        found = in_columns(layouts.drawing(view.main, depth))
        if found[0].width > _SHEET[0] or found[0].height > _SHEET[1]:
            break
        chosen = found
    return chosen


# ── columns ──────────────────────────────────────────────────────────────────


def in_columns(
    drawing: Drawing,
) -> tuple[Drawing, list[Joint]]:
    """The drawing in as many columns as make it fit a sheet, and the wires between them; as a
    U where it is one."""
    shaped = as_u(drawing)
    if shaped is not None:
        return shaped, []
    if drawing.height <= _TALL:
        return drawing, []
    chosen: list[Cut] = []
    for count in range(2, _COLUMNS + 1):
        cuts = _even_cuts(drawing, count)
        if len(cuts) < count - 1:
            break
        if _tallest(drawing, cuts) > _SHORTER * _tallest(drawing, chosen):
            continue
        chosen = cuts
        width = count * drawing.width + 2 * _SPACE * (count - 1)
        if _tallest(drawing, cuts) <= _RATIO * width:
            break
    return _cut(drawing, chosen) if chosen else (drawing, [])


def _tallest(drawing: Drawing, cuts: Sequence[Cut]) -> float:
    edges = [0.0, *(cut.y for cut in cuts), drawing.height]
    return max(b - a for a, b in pairwise(edges))


def _even_cuts(drawing: Drawing, count: int) -> list[Cut]:
    """Cuts that part a drawing into columns of like heights, where few wires run."""
    allowed = [cut for cut in drawing.cuts if len(cut.crossing) <= _CROSSING]
    chosen: list[Cut] = []
    for i in range(1, count):
        wanted = drawing.height * i / count
        after = chosen[-1].y if chosen else 0.0
        rest = [cut for cut in allowed if cut.y > after + 1]
        if not rest:
            break
        slack = drawing.height / count
        chosen.append(
            min(rest, key=lambda c: abs(c.y - wanted) + 0.2 * slack * (len(c.crossing) - 1))
        )
    return chosen


def _cut(drawing: Drawing, cuts: Sequence[Cut]) -> tuple[Drawing, list[Joint]]:
    """Moves what is below each cut into the next column."""
    edges = [0.0, *(cut.y for cut in cuts), drawing.height]
    boxes: list[Placed] = []
    texts: list[Text] = []
    parts: list[Line] = []
    joints: list[Joint] = []
    x0 = 0.0
    height = 0.0
    leads = [0.0]
    lead_of: Cut | None = None
    for i, (top, bottom) in enumerate(pairwise(edges)):
        left, right = _extent(drawing, top, bottom)
        crossing = len(lead_of.crossing) if lead_of else 0
        lead = (crossing + 1) * TRACK if crossing else 0.0
        dx, dy = x0 - left, lead - top
        boxes += [
            replace(p, x=p.x + dx, y=p.y + dy, at=(p.at[0] + dx, p.at[1] + dy))
            for p in drawing.boxes
            if top <= p.y < bottom
        ]
        texts += [replace(t, x=t.x + dx, y=t.y + dy) for t in drawing.texts if top <= t.y < bottom]
        for line in drawing.lines:
            points = _within(line.points, top, bottom)
            if len(points) > 1:
                ends = points[-1] == line.points[-1]
                parts.append(
                    replace(line, points=shifted(points, dx, dy), arrow=line.arrow and ends)
                )
        x1 = x0 + right - left
        bottom_y = bottom + dy
        if i < len(cuts):
            joints += _joints(cuts[i], dx, bottom_y, x1 + _SPACE / 2, drawing, edges[i + 1 : i + 3])
            channel = _SPACE + (len(cuts[i].crossing) + 1) * TRACK
            bottom_y += (len(cuts[i].crossing) + 1) * TRACK
            lead_of = cuts[i]
            x0 = x1 + channel
        height = max(height, bottom_y)
        leads.append(lead)
    joined = replace(
        drawing,
        width=float(round(x1)),
        height=float(round(height)),
        boxes=tuple(boxes),
        lines=tuple(parts),
        texts=tuple(texts),
        cuts=(),
    )
    return joined, joints


def _joints(
    cut: Cut, dx: float, y: float, x: float, drawing: Drawing, edges: Sequence[float]
) -> list[Joint]:
    """The wires from the foot of a column up to the head of the next: nested, so that none
    crosses another."""
    left, _ = _extent(drawing, edges[0], edges[1])
    count = len(cut.crossing)
    channel = x + (count + 1) * TRACK + _SPACE / 2  # where the next column begins
    joints: list[Joint] = []
    for i, start in enumerate(reversed(cut.crossing)):
        foot = y + (i + 1) * TRACK
        side = x + (i + 1) * TRACK
        head = (i + 1) * TRACK - TRACK / 2
        lead = (count + 1) * TRACK
        end = start - left + channel
        joints.append(
            (
                (
                    (start + dx, y),
                    (start + dx, foot),
                    (side, foot),
                    (side, head),
                    (end, head),
                    (end, lead),
                ),
                1,
            )
        )
    return joints


def _extent(drawing: Drawing, top: float, bottom: float) -> tuple[float, float]:
    """How far a band of a drawing reaches to the left and right."""
    band = replace(
        drawing,
        boxes=tuple(p for p in drawing.boxes if top <= p.y < bottom),
        texts=tuple(t for t in drawing.texts if top <= t.y < bottom),
        lines=(),
    )
    return extent(band, [point for n in drawing.lines for point in _within(n.points, top, bottom)])


def _within(points: Sequence[Point], top: float, bottom: float) -> tuple[Point, ...]:
    """The part of a line in a band; lines go down, so that it is one piece."""
    kept: list[Point] = []
    for (ax, ay), (bx, by) in pairwise(points):
        if by < top or ay > bottom or (by == top and ay < top) or (ay == bottom and by > bottom):
            continue
        for point in ((ax, max(ay, top)), (bx, min(by, bottom))):
            if not kept or kept[-1] != point:
                kept.append(point)
    return tuple(kept)
