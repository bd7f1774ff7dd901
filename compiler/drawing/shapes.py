"""What boxes look like: rectangles and texts at places inside the box.

Everything that is drawn is one of these few shapes, so that a test can measure it and the
page can reuse it. Sizes are pixels at 96 to the inch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dlc.compiler.drawing.labels import short
from dlc.compiler.drawing.metrics import SPACE, text_width, wrap
from dlc.compiler.drawing.view import BLOCK, INPUT, OUTPUT, SIGN, Box, Layer
from dlc.compiler.record import component

#: Font size and weight by style of text.
STYLES: Final = {
    "kind": (12.0, True),
    "name": (12.0, False),
    "note": (11.0, False),
    "small": (10.0, False),
    "port": (9.0, False),
    "shape": (10.0, False),
    "title": (12.5, True),
    "times": (12.0, True),
    "sign": (15.0, False),
    "head": (17.0, True),
    "caption": (11.5, False),
}

ROW: Final = 22.0
LINE: Final = 14.0
PAD: Final = 9.0
_TEXT: Final = 236.0  # the widest line of words, where no single word is wider
_LEAST: Final = 76.0
_SIGN: Final = 11.0
PORT_ROW: Final = 13.0
_SHADOW: Final = 4.0
_FIGURE_GAP: Final = 12.0
LABEL: Final = 5.0  # between a wire and the shape that is written beside it


@component
class Text:
    """One line of text; `x` is its start, middle or end by `anchor`, `y` its baseline. `more`
    are further words with styles of their own, each after a space. `box` is what it stands
    beside, where that may move."""

    x: float
    y: float
    text: str
    style: str
    anchor: str = "start"
    more: tuple[tuple[str, str], ...] = ()
    box: int = -1

    @property
    def width(self) -> float:
        return _line_width(((self.text, self.style), *self.more))


@component
class Rect:
    """A rectangle; `look` is its class in the style sheet. `part` tells the layer that it
    shows, so that the page knows what is pointed at."""

    x: float
    y: float
    width: float
    height: float
    look: str
    radius: float = 0.0
    corners: str = "all"  # which are round: all, top, bottom
    part: int = -1


@component
class Figure:
    """A measured box. `anchor` is how far from its left edge its main wire runs; `ins` and
    `outs` are the places of named ports, from the anchor."""

    width: float
    height: float
    anchor: float
    rects: tuple[Rect, ...] = ()
    texts: tuple[Text, ...] = ()
    ins: dict[str, float]
    outs: dict[str, float]
    shadow: float = 0.0


@component
class Sides:
    """The further inputs of a box on either side of the first, each from left to right."""

    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()


def text_size(text: str, style: str) -> float:
    size, bold = STYLES[style]
    return text_width(text, size, bold=bold)


def figure(
    box: Box, labels: Mapping[str, str], sides: Sides | None = None, *, inner: bool
) -> Figure:
    """The look of a box that is not unfolded. `labels` are the shapes that are written below
    its ports, `sides` tells where its further inputs arrive, on the right if not given;
    `inner` is whether it stands in a block, whose inputs and outputs are bare."""
    sides = sides or Sides(right=box.in_ports[1:])
    if box.kind in (INPUT, OUTPUT):
        return _port(box) if inner else _pill(box)
    if box.kind == SIGN:
        return _sign(box)
    if box.kind == BLOCK:
        return _folded(box, labels, sides)
    return _stack(box, labels, sides)


# ── inputs and outputs ───────────────────────────────────────────────────────


def _port(box: Box) -> Figure:
    return Figure(width=0.0, height=0.0, anchor=0.0, ins={}, outs={})


def _pill(box: Box) -> Figure:
    words = ((box.title, "kind"), (box.type, "note"))
    width = round(_line_width(words) + 2 * 14)
    return Figure(
        width=width,
        height=26.0,
        anchor=width / 2,
        rects=(Rect(x=0, y=0, width=width, height=26, look=box.kind, radius=13, part=0),),
        texts=(
            Text(x=width / 2, y=17, text=box.title, style="kind", anchor="middle", more=words[1:]),
        ),
        ins={},
        outs={},
    )


def _sign(box: Box) -> Figure:
    side = 2 * _SIGN
    texts = [Text(x=_SIGN, y=_SIGN + 5, text=box.title, style="sign", anchor="middle")]
    return Figure(
        width=side,
        height=side,
        anchor=_SIGN,
        rects=(Rect(x=0, y=0, width=side, height=side, look="sign", radius=_SIGN, part=0),),
        texts=tuple(texts),
        ins={},
        outs={},
    )


# ── layers ───────────────────────────────────────────────────────────────────


@component
class _Row:
    """The words of one row before it has a width: lines of (text, style), and a figure on
    the right of the first."""

    lines: tuple[tuple[tuple[str, str], ...], ...]
    figure: str
    look: str

    @property
    def height(self) -> float:
        return ROW + LINE * (len(self.lines) - 1)

    @property
    def width(self) -> float:
        widths = [_line_width(line) for line in self.lines]
        if self.figure:
            widths[0] += _FIGURE_GAP + text_size(self.figure, "small")
        return max(widths)


def _line_width(line: tuple[tuple[str, str], ...]) -> float:
    (first, style), *more = line
    return text_size(first, style) + sum(text_size(SPACE + text, style) for text, style in more)


def _row(layer: Layer, shown_name: bool) -> _Row:
    first: list[tuple[str, str]] = []
    if shown_name:
        first.append((f"{layer.name} =", "name"))
    first.append((layer.kind, "kind"))
    lines = _with_notes(first, list(layer.notes))
    lines.extend(((text, "small"),) for text in _lent(layer))
    return _Row(
        lines=tuple(lines),
        figure=short(layer.parameters) if layer.parameters else "",
        look=f"row f-{layer.family}",
    )


def _with_notes(
    first: list[tuple[str, str]], notes: list[str]
) -> list[tuple[tuple[str, str], ...]]:
    """As many arguments as fit beside the name, the rest on lines below."""
    room = _TEXT - _line_width(tuple(first))
    beside = ""
    while notes:
        longer = f"{beside}, {notes[0]}" if beside else notes[0]
        if text_size(f"{SPACE}{longer},", "note") > room:
            break
        beside = longer
        notes.pop(0)
    if beside:
        first.append((beside + ("," if notes else ""), "note"))
    lines = [tuple(first)]
    if notes:
        size, _ = STYLES["note"]
        words = wrap(", ".join(notes), size, _TEXT)
        lines.extend(((text, "note"),) for text in words)
    return lines


def _lent(layer: Layer) -> list[str]:
    """Whose parameters a layer uses."""
    owners = {owner for _, _, owner in layer.lent}
    if len(owners) == 1 and not layer.tensors:
        return [f"parameters of {owners.pop()}"]
    return [f"{own} of {owner}" for own, _, owner in layer.lent]


def _stack(box: Box, labels: Mapping[str, str], sides: Sides) -> Figure:
    last = len(box.layers) - 1
    rows = [
        _row(layer, layer.named and not (i == last and layer.name in box.title))
        for i, layer in enumerate(box.layers)
    ]
    single = len(rows) == 1 and not rows[0].figure and len(rows[0].lines) == 1
    wanted = max(row.width for row in rows) + 2 * PAD
    width, anchor, ins, outs = _ported(box, labels, sides, max(wanted, _LEAST))
    y = PORT_ROW if ins else 0.0
    rects: list[Rect] = []
    texts: list[Text] = []
    for i, row in enumerate(rows):
        top = 0.0 if i == 0 else y
        height = row.height + (y - top) + (PORT_ROW if i == last and outs else 0.0)
        corners = "all" if last == 0 else "top" if i == 0 else "bottom"
        rects.append(
            Rect(
                x=0,
                y=top,
                width=width,
                height=height,
                look=row.look,
                radius=4 if i in (0, last) else 0,
                corners=corners,
                part=i,
            )
        )
        texts.extend(_row_texts(row, y, width, centred=single))
        y += row.height
    height = y + (PORT_ROW if outs else 0.0)
    again = all(layer.lent and not layer.tensors for layer in box.layers)
    look = f"frame s-{box.family}" + (" again" if again else "")
    rects.append(Rect(x=0, y=0, width=width, height=height, look=look, radius=4))
    texts.extend(_port_texts(anchor, ins, 9.5))
    texts.extend(_port_texts(anchor, outs, height - 3.5))
    return Figure(
        width=width,
        height=height,
        anchor=anchor,
        rects=tuple(rects),
        texts=tuple(texts),
        ins=ins,
        outs=outs,
    )


def _row_texts(row: _Row, y: float, width: float, *, centred: bool) -> list[Text]:
    texts: list[Text] = []
    for i, line in enumerate(row.lines):
        (text, style), *more = line
        texts.append(
            Text(
                x=width / 2 if centred else PAD,
                y=y + 15 + LINE * i,
                text=text,
                style=style,
                anchor="middle" if centred else "start",
                more=tuple(more),
            )
        )
    if row.figure:
        texts.append(Text(x=width - PAD, y=y + 15, text=row.figure, style="small", anchor="end"))
    return texts


def _ported(
    box: Box, labels: Mapping[str, str], sides: Sides, wanted: float
) -> tuple[float, float, dict[str, float], dict[str, float]]:
    """Width, anchor and ports of a box with these words: the first port is in the middle, the
    others stand to its right."""
    main = box.in_ports[:1]
    ins = _ports((*main, *sides.right), {})
    ins |= {name: -x for name, x in _ports((*main, *reversed(sides.left)), {}).items()}
    outs = _ports(box.out_ports, labels)
    right = max(
        [wanted / 2]
        + [abs(x) + text_size(n, "port") / 2 + 5 for ports in (ins, outs) for n, x in ports.items()]
    )
    width = float(round(2 * right))
    return width, width / 2, ins, outs


def _ports(names: tuple[str, ...], labels: Mapping[str, str]) -> dict[str, float]:
    """Places for the names of ports, side by side from the first one, and for the shapes that
    are written below them."""
    ports: dict[str, float] = {}
    x = taken = 0.0
    for i, name in enumerate(names):
        half = text_size(name, "port") / 2
        if i:
            x = max(x + half + 5, taken)
        ports[name] = float(round(x))
        label = labels.get(name)
        taken = x + half + 5
        if label:
            taken = max(taken, x + LABEL + text_size(label, "shape") + 6)
        x += half + 5
    return ports


def _port_texts(anchor: float, ports: dict[str, float], y: float) -> list[Text]:
    return [
        Text(x=anchor + x, y=y, text=name, style="port", anchor="middle")
        for name, x in ports.items()
    ]


# ── blocks ───────────────────────────────────────────────────────────────────


def header(box: Box) -> _Row:
    """The words of a block's head: its name, how often it runs, arguments, parameters."""
    first: list[tuple[str, str]] = []
    if box.named:
        first.append((f"{box.named} =", "name"))
    first.append((box.title, "title"))
    if box.count > 1:
        first.append((f"× {box.count}", "times"))
    lines: list[tuple[tuple[str, str], ...]] = [tuple(first)]
    if box.notes:
        size, _ = STYLES["note"]
        text = ", ".join(box.notes)
        lines.extend(((part, "note"),) for part in wrap(text, size, _TEXT))
    if box.reuses:
        lines.append(((f"layers of {box.reuses}", "small"),))
    elif box.tied:
        lines.append((("the same layers each time", "small"),))
    return _Row(lines=tuple(lines), figure=figure_of(box), look="head")


def figure_of(box: Box) -> str:
    """`7.09 M`, or `12 × 7.09 M` where calls have parameters each of their own."""
    if not box.parameters:
        return ""
    if box.count > 1 and not box.tied:
        return f"{box.count} × {short(box.parameters // box.count)}"
    return short(box.parameters)


def _folded(box: Box, labels: Mapping[str, str], sides: Sides) -> Figure:
    words = header(box)
    width, anchor, ins, outs = _ported(box, labels, sides, max(words.width + 2 * PAD + 4, 120.0))
    top = PORT_ROW if ins else 2.0
    height = top + words.height + 2 + (PORT_ROW if outs else 0.0)
    shadow = _SHADOW if box.count > 1 else 0.0
    look = "block again" if box.reuses else "block"
    rects = [
        Rect(x=d, y=d, width=width, height=height, look="shade", radius=6)
        for d in ((2 * shadow, shadow) if shadow else ())
    ]
    rects.append(Rect(x=0, y=0, width=width, height=height, look=look, radius=6, part=0))
    texts = _row_texts(words, top, width, centred=False)
    texts.extend(_port_texts(anchor, ins, 9.5))
    texts.extend(_port_texts(anchor, outs, height - 3.5))
    return Figure(
        width=width,
        height=height,
        anchor=anchor,
        rects=tuple(rects),
        texts=tuple(texts),
        ins=ins,
        outs=outs,
        shadow=2 * shadow,
    )


def unfolded(
    box: Box,
    width: float,
    height: float,
    anchor: float,
    ins: dict[str, float],
    outs: dict[str, float],
) -> Figure:
    """The frame round a body of this size. `anchor` and the ports are those of the body."""
    words = header(box)
    wide = max(width + 2 * FRAME, words.width + 2 * PAD + 4)
    left = (wide - width) / 2
    head = words.height + 2
    tall = head + height
    again = " again" if box.reuses else ""
    shadow = _SHADOW if box.count > 1 else 0.0
    rects = [
        Rect(x=d, y=d, width=wide, height=tall, look="shade", radius=8)
        for d in ((2 * shadow, shadow) if shadow else ())
    ]
    rects += [
        Rect(x=0, y=0, width=wide, height=tall, look="body", radius=8),
        Rect(x=0, y=0, width=wide, height=head, look="head", radius=8, corners="top", part=0),
        Rect(x=0, y=0, width=wide, height=tall, look="outline" + again, radius=8),
    ]
    return Figure(
        width=wide,
        height=tall,
        anchor=left + anchor,
        rects=tuple(rects),
        texts=tuple(_row_texts(words, 1.0, wide, centred=False)),
        ins=ins,
        outs=outs,
        shadow=2 * shadow,
    )


#: The space between a frame and what stands beside its wall.
FRAME: Final = 10.0


def header_texts(box: Box) -> tuple[Text, ...]:
    """The words of a block's head for a frame of any width: what is on the right ends at 0."""
    words = header(box)
    return tuple(
        replace(text, x=0) if text.anchor == "end" else text
        for text in _row_texts(words, 1.0, 0.0, centred=False)
    )


def frame_head(box: Box) -> float:
    """How tall the head of an unfolded block is."""
    return header(box).height + 2
