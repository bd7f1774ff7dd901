"""Drawings in another place, and how far they reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dlc.compiler.drawing.layout import Drawing, Point
from dlc.compiler.drawing.shapes import Text


def shifted(points: Sequence[Point], dx: float, dy: float) -> tuple[Point, ...]:
    return tuple((x + dx, y + dy) for x, y in points)


def moved(drawing: Drawing, dx: float, dy: float) -> Drawing:
    """The drawing with all that is in it moved."""
    return replace(
        drawing,
        boxes=tuple(
            replace(p, x=p.x + dx, y=p.y + dy, at=(p.at[0] + dx, p.at[1] + dy))
            for p in drawing.boxes
        ),
        lines=tuple(replace(n, points=shifted(n.points, dx, dy)) for n in drawing.lines),
        texts=tuple(replace(t, x=t.x + dx, y=t.y + dy) for t in drawing.texts),
    )


def extent(drawing: Drawing, points: Iterable[Point] = ()) -> tuple[float, float]:
    """How far a drawing, and further points, reach to the left and right."""
    xs = [x for x, _ in points]
    for p in drawing.boxes:
        xs += [p.x, p.x + p.figure.width + p.figure.shadow]
    for text in drawing.texts:
        xs += _ends(text)
    xs += [x for line in drawing.lines for x, _ in line.points]
    return min(xs, default=0.0), max(xs, default=0.0)


def _ends(text: Text) -> tuple[float, float]:
    left = text.x - {"middle": text.width / 2, "end": text.width}.get(text.anchor, 0.0)
    return left, left + text.width
