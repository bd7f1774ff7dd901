"""A drawing turned upside down: what flowed down flows up, and words stay upright."""

from __future__ import annotations

from dataclasses import replace

from dlc.compiler.drawing.layout import Drawing, Line, Placed
from dlc.compiler.drawing.shapes import PORT_ROW, Figure, Rect, Text
from dlc.compiler.drawing.view import BLOCK, INPUT, STACK


def turned(drawing: Drawing) -> Drawing:
    """The drawing turned by half a turn. Rows of a box change places, so that it too is read
    along the flow."""
    width, height = drawing.width, drawing.height
    return replace(
        drawing,
        boxes=tuple(_box(placed, drawing) for placed in drawing.boxes),
        lines=tuple(_line(line, width, height) for line in drawing.lines),
        texts=tuple(_text(text, drawing) for text in drawing.texts),
        cuts=(),
        rows=tuple((height - bottom, height - top) for top, bottom in reversed(drawing.rows)),
        ins={name: width - x for name, x in drawing.ins.items()},
        outs={name: width - x for name, x in drawing.outs.items()},
    )


def _line(line: Line, width: float, height: float) -> Line:
    return replace(line, points=tuple((width - x, height - y) for x, y in line.points))


def _text(text: Text, drawing: Drawing) -> Text:
    """What stood on the right of a wire stands on its left."""
    size = 8 if text.style == "shape" else 7
    if text.style == "port" and drawing.scene.boxes[text.box].kind != INPUT:
        size = 6
    return replace(text, x=drawing.width - text.x, y=drawing.height - text.y + size, anchor="end")


def _box(placed: Placed, drawing: Drawing) -> Placed:
    shape = placed.figure
    x = drawing.width - placed.x - shape.width
    y = drawing.height - placed.y - shape.height
    row = len(drawing.rows) - 1 - placed.row
    if placed.inner is None:
        upright = placed.box.kind not in (STACK, BLOCK)
        return replace(placed, figure=shape if upright else _upward(shape), x=x, y=y, row=row)
    inside = placed.at[0] - placed.x
    at = (x + shape.width - inside - placed.inner.width, y + placed.at[1] - placed.y)
    return replace(
        placed, figure=_mirrored(shape), x=x, y=y, row=row, inner=turned(placed.inner), at=at
    )


def _mirrored(shape: Figure) -> Figure:
    """The same with its ports on the other side, and what it casts behind it too."""
    return replace(
        shape,
        anchor=shape.width - shape.anchor,
        rects=tuple(replace(r, x=-r.x, y=-r.y) if r.look == "shade" else r for r in shape.rects),
        ins={name: -x for name, x in shape.ins.items()},
        outs={name: -x for name, x in shape.outs.items()},
    )


def _upward(shape: Figure) -> Figure:
    """A box whose last row is on top, its inputs below and its results above."""
    rows = [rect for rect in shape.rects if rect.part >= 0]
    rects: list[Rect] = []
    texts: list[Text] = []
    above, below = (PORT_ROW if ports else 0.0 for ports in (shape.ins, shape.outs))
    for rect in shape.rects:
        if rect.part < 0:
            rects.append(rect)
            continue
        corners = {"top": "bottom", "bottom": "top"}.get(rect.corners, rect.corners)
        rects.append(replace(rect, y=shape.height - rect.y - rect.height, corners=corners))
    for text in shape.texts:
        if text.style == "port":
            on_top = text.y < PORT_ROW
            y = shape.height - 3.5 if on_top else 9.5
            texts.append(replace(text, x=shape.width - text.x, y=y))
            continue
        row = next(r for r in rows if r.y <= text.y <= r.y + r.height)
        first, last = row is rows[0], row is rows[-1]
        old = row.y + (above if first else 0.0)
        new = shape.height - row.y - row.height + (below if last else 0.0)
        texts.append(replace(text, y=text.y - old + new))
    return _mirrored(replace(shape, rects=tuple(rects), texts=tuple(texts)))
