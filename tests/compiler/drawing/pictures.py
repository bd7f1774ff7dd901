"""Pictures of specs, and what a reader of the SVG sees in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from xml.etree import ElementTree

from checking import SPECS, check_dlc, check_file, compiled

from dlc.compiler import Program
from dlc.compiler.drawing.metrics import text_width
from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.shapes import STYLES
from dlc.compiler.drawing.svg import text_class, write_svg

NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))

#: Networks that stress the layout: skips over skips, many branches, several ports, sharing.
STRESS = {
    "nested_skips": """
model Net {
  input x: float[N, 8]
  a = x -> linear(8)
  b = a -> linear(8) -> relu
  c = b -> linear(8) -> relu
  d = c -> linear(8) -> relu
  e = [c, d] -> concat(dim=1) -> linear(8)
  f = [b, e] -> concat(dim=1) -> linear(8)
  g = [a, f, x] -> concat(dim=1) -> linear(8)
  output y = g + x
}
""",
    "branches": """
block Mixed(a: int) {
  input x: float[N, C, H, W]
  p = x -> conv2d(a, 1) -> relu
  q = x -> conv2d(a, 1) -> relu -> conv2d(a, 3, padding=1) -> relu
  r = x -> conv2d(a, 1) -> conv2d(a, 3, padding=1) -> conv2d(a, 3, padding=1)
  s = x -> max_pool2d(3, stride=1, padding=1) -> conv2d(a, 1)
  [p, q, r, s] -> concat(dim=1)
}
model Net {
  input image: float[N, 3, 32, 32]
  conv2d(8, 3)
  Mixed(8)
  Mixed(16)
  global_avg_pool
  output y = linear(10)
  output z = linear(3)
}
""",
    "ports": """
block Decoder(dim: int) {
  input x: float[N, T, dim]
  input memory: float[N, S, dim]
  input mask: bool[N, S]
  residual { multihead_attention(2, key=memory, key_padding_mask=mask) }
  layer_norm
  residual { linear(2 * dim) -> gelu -> linear(dim) }
}
model Net {
  input source: int[N, S]
  input padding: bool[N, S]
  input target: int[N, T]
  memory, last = source -> embedding(50, 16) -> gru(16)
  states = target -> embedding(50, 16) -> gru(16, h0=last)
  h = states -> Decoder(16, memory=memory, mask=padding)
  i = h -> Decoder(16, memory=memory, mask=padding)
  k = i -> Decoder(16, memory=memory, mask=padding)
  [k, states] -> concat(dim=2)
  output logits = linear(50)
}
""",
    "siamese": """
block Tower(width: int) {
  input x: float[N, C, H, W]
  conv2d(width, 3) -> relu -> max_pool2d(2) -> global_avg_pool -> linear(64)
}
model Net {
  input left: float[N, 1, 28, 28]
  input right: float[N, 1, 28, 28]
  a = left -> Tower(16)
  b = right -> reuse(a)
  d = a - b
  t = d -> linear(64)
  u = t -> relu -> linear(64, weight=t.weight)
  u * d -> linear(1)
  output same = sigmoid
}
""",
}


@cache
def program(name: str) -> Program:
    if name in STRESS:
        return compiled(check_dlc("dlc 1\n" + STRESS[name])).program
    return compiled(check_file(SPECS / f"{name}.yaml")).program


@cache
def svg(name: str, depth: int | None = None) -> str:
    return write_svg(make_page(view(program(name)), depth))


@dataclass
class Area:
    x0: float
    y0: float
    x1: float
    y1: float

    def __or__(self, other: Area) -> Area:
        return Area(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def meets(self, other: Area, slack: float = 0.0) -> bool:
        return (
            self.x0 + slack < other.x1
            and other.x0 + slack < self.x1
            and self.y0 + slack < other.y1
            and other.y0 + slack < self.y1
        )

    def holds(self, other: Area, slack: float = 0.0) -> bool:
        return (
            self.x0 <= other.x0 + slack
            and self.y0 <= other.y0 + slack
            and self.x1 >= other.x1 - slack
            and self.y1 >= other.y1 - slack
        )


@dataclass
class Word:
    area: Area
    text: str


@dataclass
class Wire:
    start: str
    end: str
    points: list[tuple[float, float]]


@dataclass
class Box:
    key: str
    kind: str
    parent: Box | None
    area: Area | None = None  # without its shade
    words: list[Word] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    labels: list[Word] = field(default_factory=list)

    def everything(self) -> Iterator[Box]:
        for box in self.boxes:
            yield box
            yield from box.everything()


def read(text: str) -> Box:
    """The picture as a box that holds all others."""
    root = ElementTree.fromstring(text)
    page = Box("", "page", None, Area(0, 0, float(root.get("width")), float(root.get("height"))))
    _read(root, page, 0.0, 0.0, body=True)
    return page


def _read(element: ElementTree.Element, box: Box, dx: float, dy: float, *, body: bool) -> None:
    """`body` is whether what comes stands in the box, else it is what the box looks like."""
    for child in element:
        tag = child.tag.rpartition("}")[2]
        look = (child.get("class") or "").split()
        if tag == "g" and "box" in look:
            inner = Box(child.get("data-box"), child.get("data-kind"), box)
            box.boxes.append(inner)
            _read(child, inner, dx, dy, body=False)
        elif tag == "g":
            x, y = _numbers(child.get("transform"))
            _read(child, box, dx + x, dy + y, body=True)
        elif tag == "text":
            (box.labels if body else box.words).append(_word(child, dx, dy))
        elif "wire" in look:
            points = [(x + dx, y + dy) for x, y in _points(child.get("d"))]
            box.wires.append(Wire(child.get("data-from", ""), child.get("data-to", ""), points))
        elif tag in ("rect", "path") and not body:
            box.nodes += (child.get("data-node") or "").split()
            box.calls += (child.get("data-calls") or "").split()
            if "shade" not in look:
                area = _area(child, tag, dx, dy)
                box.area = area if box.area is None else box.area | area


def _numbers(text: str | None) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text or "")]


def _area(element: ElementTree.Element, tag: str, dx: float, dy: float) -> Area:
    if tag == "rect":
        x, y = float(element.get("x", 0)) + dx, float(element.get("y", 0)) + dy
        return Area(x, y, x + float(element.get("width")), y + float(element.get("height")))
    xs: list[float] = []
    ys: list[float] = []
    for letter, numbers in re.findall(r"([MLHVQ])([^MLHVQZ]*)", element.get("d")):
        values = _numbers(numbers)
        xs += values if letter == "H" else [] if letter == "V" else values[::2]
        ys += values if letter == "V" else [] if letter == "H" else values[1::2]
    return Area(min(xs) + dx, min(ys) + dy, max(xs) + dx, max(ys) + dy)


def _points(path: str) -> list[tuple[float, float]]:
    """The corners of a polyline whose corners are round: the middle points of its curves."""
    points: list[tuple[float, float]] = []
    for letter, numbers in re.findall(r"([MLQ])([^MLQ]*)", path):
        values = _numbers(numbers)
        if letter == "Q":
            points[-1] = (values[0], values[1])  # the straight part ends where the curve begins
        else:
            points.append((values[0], values[1]))
    return points


def _word(element: ElementTree.Element, dx: float, dy: float) -> Word:
    by_class = {text_class(style): style for style in STYLES}
    width = 0.0
    size = 0.0
    for part in (element, *element):
        size, bold = STYLES[by_class[part.get("class")]]
        width += text_width(part.text or "", size, bold=bold)
    x, y = float(element.get("x")) + dx, float(element.get("y")) + dy
    left = {"middle": x - width / 2, "end": x - width}.get(element.get("text-anchor", ""), x)
    text = "".join(element.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    return Word(Area(left, y - 0.75 * size, left + width, y + 0.22 * size), text)
