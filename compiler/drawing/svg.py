"""SVG of a drawing: one file without scripts, links or fonts of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from dlc.compiler.drawing.families import FAMILIES
from dlc.compiler.drawing.labels import amount
from dlc.compiler.drawing.layout import Drawing, Line, Placed, Point
from dlc.compiler.drawing.metrics import FONTS, SPACE
from dlc.compiler.drawing.page import Page
from dlc.compiler.drawing.shapes import STYLES, Rect, Text
from dlc.compiler.drawing.view import INPUT, OUTPUT, Box, Layer

_ROUND: Final = 5.0  # the radius of a wire's corners
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_BASE: Final = """\
text{font-family:%s;fill:#1c1e21}
.kind,.title,.times,.head-text{font-weight:600}
.note,.name{fill:#33373c;font-weight:400}
.small,.shape,.port,.caption{fill:#5a6068}
.wire{fill:none;stroke:#4a4f57;stroke-width:1.2}
.arrow{fill:#4a4f57}
.input,.output{fill:#fff;stroke:#33373c;stroke-width:1.2}
.output{stroke-width:1.8}
.sign{fill:#fff;stroke:#33373c;stroke-width:1.2}
.block{fill:#eef0f3;stroke:#4a4f57;stroke-width:1.2}
.shade{fill:#dfe2e7;stroke:#4a4f57;stroke-width:1}
.body{fill:#fafbfc}
.head{fill:#e6e9ed}
.outline{fill:none;stroke:#6b727c;stroke-width:1.1}
.frame{fill:none;stroke-width:1.1}
.again{stroke-dasharray:5 3}"""


def style_sheet() -> str:
    """The classes of a picture on paper."""
    lines = [_BASE % FONTS]
    lines += [f".f-{f.name}{{fill:{f.fill}}}" for f in FAMILIES.values()]
    lines += [f".s-{f.name}{{stroke:{f.stroke}}}" for f in FAMILIES.values()]
    lines += [f".{text_class(s)}{{font-size:{size:g}px}}" for s, (size, _) in STYLES.items()]
    return "\n".join(lines)


def text_class(style: str) -> str:
    """The class of a style; some share their name with a look of rectangles."""
    return f"{style}-text" if style in ("sign", "head") else style


def escape(text: str) -> str:
    """Text for XML and HTML, in elements and in quoted attributes. Characters that XML cannot
    hold become a replacement sign."""
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
    for sign, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#39")):
        text = text.replace(sign, f"&{name};")
    return text


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def write_svg(page: Page) -> str:
    """The text of an SVG file, ending in a line break."""
    w, h = number(page.width), number(page.height)
    title = escape(page.title.text)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" '
        f'viewBox="0 0 {w} {h}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{escape(page.caption.text)}</desc>',
        f"<style>\n{escape_style(style_sheet())}\n</style>",
        f'<rect class="paper" width="{w}" height="{h}" fill="#fff"/>',
        text_element(page.title),
        text_element(page.caption),
    ]
    for points, count in page.joints:
        lines.append(f'<path class="wire joint" data-wires="{count}" d="{path(points)}"/>')
    lines.extend(_drawing(page.drawing, ""))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def escape_style(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _drawing(drawing: Drawing, prefix: str) -> Iterator[str]:
    keys = [box.key for box in drawing.scene.boxes]
    for line in drawing.lines:
        yield _line(line, keys, prefix)
    for placed in drawing.boxes:
        yield from _box(placed, prefix)
    for text in drawing.texts:
        yield text_element(text)


def _line(line: Line, keys: Sequence[str], prefix: str) -> str:
    ends = f'data-from="{escape(prefix + keys[line.source])}" '
    ends += f'data-to="{escape(prefix + keys[line.target])}"'
    found = f'<path class="wire" {ends} d="{path(line.points)}"/>'
    return found + (arrow(line.points) if line.arrow else "")


def _box(placed: Placed, prefix: str) -> Iterator[str]:
    box = placed.box
    if not placed.figure.rects:  # a port: its wires tell where it is
        yield f'<g class="box" data-kind="{box.kind}" data-box="{escape(prefix + box.key)}"/>'
        return
    yield f'<g class="box" data-kind="{box.kind}" data-box="{escape(prefix + box.key)}">'
    yield f"<title>{escape(tooltip(box))}</title>"
    yield from figure_elements(placed, prefix)
    if placed.inner is not None:
        yield f'<g transform="translate({number(placed.at[0])} {number(placed.at[1])})">'
        yield from _drawing(placed.inner, f"{prefix}{box.key}.")
        yield "</g>"
    yield "</g>"


def figure_elements(placed: Placed, prefix: str = "", *, moved: bool = True) -> Iterator[str]:
    """The rectangles and texts of a box, at its place or, not `moved`, at the origin."""
    box = placed.box
    x, y = (placed.x, placed.y) if moved else (0.0, 0.0)
    for rect in placed.figure.rects:
        name = ""
        if rect.part >= 0 and box.layers:
            name = f' data-node="{escape(prefix + box.layers[rect.part].name)}"'
            if box.kind == "sign":
                names = " ".join(prefix + layer.name for layer in box.layers)
                name = f' data-node="{escape(names)}"'
        elif rect.part >= 0 and box.calls:
            names = " ".join(prefix + call for call in box.calls)
            name = f' data-calls="{escape(names)}"'
        yield rect_element(rect, x, y, name)
    for text in placed.figure.texts:
        yield text_element(text, x, y)


def rect_element(rect: Rect, dx: float = 0.0, dy: float = 0.0, extra: str = "") -> str:
    x, y, w, h, r = rect.x + dx, rect.y + dy, rect.width, rect.height, rect.radius
    if r and rect.corners != "all":
        return f'<path class="{rect.look}"{extra} d="{_half_round(x, y, w, h, r, rect.corners)}"/>'
    radius = f' rx="{number(r)}"' if r else ""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
    return f'<rect class="{rect.look}"{extra} {place}{radius}/>'


def _half_round(x: float, y: float, w: float, h: float, r: float, corners: str) -> str:
    n = number
    if corners == "top":
        return (
            f"M{n(x)} {n(y + h)}V{n(y + r)}Q{n(x)} {n(y)} {n(x + r)} {n(y)}H{n(x + w - r)}"
            f"Q{n(x + w)} {n(y)} {n(x + w)} {n(y + r)}V{n(y + h)}Z"
        )
    return (
        f"M{n(x)} {n(y)}V{n(y + h - r)}Q{n(x)} {n(y + h)} {n(x + r)} {n(y + h)}H{n(x + w - r)}"
        f"Q{n(x + w)} {n(y + h)} {n(x + w)} {n(y + h - r)}V{n(y)}Z"
    )


def text_element(text: Text, dx: float = 0.0, dy: float = 0.0) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    place = f'x="{number(text.x + dx)}" y="{number(text.y + dy)}"'
    words = escape(text.text)
    for more, style in text.more:
        words += f'<tspan class="{text_class(style)}">{SPACE}{escape(more)}</tspan>'
    return f'<text class="{text_class(text.style)}" {place}{anchor}>{words}</text>'


def path(points: Sequence[Point]) -> str:
    """A polyline with round corners."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        r = min(_ROUND, _distance(before, here) / 2, _distance(here, after) / 2)
        near, far = _towards(here, before, r), _towards(here, after, r)
        parts.append(
            f"L{number(near[0])} {number(near[1])}"
            f"Q{number(here[0])} {number(here[1])} {number(far[0])} {number(far[1])}"
        )
    parts.append(f"L{number(points[-1][0])} {number(points[-1][1])}")
    return "".join(parts)


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])  # lines run along an axis


def _towards(a: Point, b: Point, far: float) -> Point:
    whole = _distance(a, b)
    part = far / whole if whole else 0.0
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part


def arrow(points: Sequence[Point]) -> str:
    """The head at the end of a line."""
    (ax, ay), (x, y) = points[-2], points[-1]
    if x == ax:
        side = 7 if y > ay else -7
        corners = f"M{number(x)} {number(y)}l-3.5 {-side}h7Z"
    else:
        side = 7 if x > ax else -7
        corners = f"M{number(x)} {number(y)}l{-side} -3.5v7Z"
    return f'<path class="arrow" d="{corners}"/>'


# ── what a pointer shows ─────────────────────────────────────────────────────


def tooltip(box: Box) -> str:
    """All that is known of a box, as plain lines."""
    if box.kind in (INPUT, OUTPUT):
        return f"{box.kind} {box.title}: {box.type}"
    if box.layers:
        return "\n\n".join("\n".join(_about(layer)) for layer in box.layers)
    lines = [f"{box.title}({', '.join(box.notes)})" + (f" × {box.count}" if box.count > 1 else "")]
    lines += [f"{port}: {type}" for port, type in box.types]
    lines.append(f"parameters: {box.parameters:,}")
    if box.macs is not None:
        lines.append(f"MACs: {amount(box.macs)}")
    return "\n".join(lines)


def _about(layer: Layer) -> Iterator[str]:
    arguments = ", ".join(f"{name}={value}" for name, value in layer.arguments)
    yield f"{layer.name} = {layer.kind}({arguments})"
    for port, value, type in layer.inputs:
        yield f"{port}: {type} ({value})"
    yield "result: " + ", ".join(type for _, type in layer.results)
    if layer.tensors:
        shapes = ", ".join(f"{t.name} {t.shape}" for t in layer.tensors)
        yield f"parameters: {layer.parameters:,} ({shapes})"
    for own, owned, _ in layer.lent:
        yield f"{own}: that of {owned}"
    if layer.macs:
        yield f"MACs: {amount(layer.macs)}"
