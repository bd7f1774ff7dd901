"""Where everything of a picture stands. Nothing here depends on a clock or on hashes: equal
programs give equal pictures, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dlc.compiler.drawing.layers import Element, Hop, Rows, assign, ordered
from dlc.compiler.drawing.places import place
from dlc.compiler.drawing.routes import ARROW, STUB, TRACK, Net, set_tracks
from dlc.compiler.drawing.shapes import (
    LABEL,
    Figure,
    Sides,
    Text,
    figure,
    frame_head,
    text_size,
    unfolded,
)
from dlc.compiler.drawing.spines import Spines
from dlc.compiler.drawing.view import BLOCK, INPUT, OUTPUT, SIGN, Box, Scene, View, Wire
from dlc.compiler.record import component

Point: TypeAlias = tuple[float, float]

_LABEL: Final = 15.0
_BUNDLE: Final = 16.0  # between wires that arrive at one box


@component
class Placed:
    """A box with its corner; `inner` is the drawing inside a frame, `at` its corner there."""

    box: Box
    figure: Figure
    x: float
    y: float
    row: int
    inner: Drawing | None = None
    at: Point = (0.0, 0.0)


@component
class Line:
    """A wire on its way to one reader: from box to box, or, a `branch`, from where it parts
    from its trunk. `arrow` is False where it goes on outside of a frame."""

    wire: int
    source: int
    target: int
    points: tuple[Point, ...]
    arrow: bool
    branch: bool


@component
class Cut:
    """A height at which a drawing may go on in the next column, and the x of the wires that
    run there."""

    y: float
    crossing: tuple[float, ...]


@component
class Drawing:
    """A scene with places. `ins` and `outs` are the x of a block's ports, `rows` the tops and
    bottoms of what stands side by side."""

    scene: Scene
    width: float
    height: float
    boxes: tuple[Placed, ...]
    lines: tuple[Line, ...]
    texts: tuple[Text, ...]
    cuts: tuple[Cut, ...]
    rows: tuple[tuple[float, float], ...]
    ins: dict[str, float]
    outs: dict[str, float]


class Layouts:
    """The drawings of a view's scenes. One that is asked for again is not made again."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._made: dict[tuple[str, int], Drawing] = {}

    def drawing(self, graph: str, depth: int) -> Drawing:
        """The drawing of a graph with `depth` levels of blocks unfolded."""
        known = self._made.get((graph, depth))
        if known is None:
            scene = self._view.scenes.get(graph) or self._view.runs[graph]
            inner = [
                self.drawing(box.graph, depth - 1) if box.kind == BLOCK and depth > 0 else None
                for box in scene.boxes
            ]
            known = self._made[graph, depth] = _Layout(scene, inner).drawing()
        return known

    def deepest(self, graph: str | None = None) -> int:
        """How many levels of blocks there are."""
        depths: dict[str, int] = {}
        for name, scene in self._view.scenes.items():  # called ones come first
            found = [depths[box.graph] + 1 for box in scene.boxes if box.kind == BLOCK]
            depths[name] = max(found, default=0)
        return depths[graph or self._view.main]

    def boxes(self, depth: int, graph: str | None = None) -> int:
        """How many boxes a picture shows with `depth` levels unfolded."""
        counts = dict.fromkeys(self._view.scenes, 0)
        for _ in range(depth + 1):
            counts = {
                name: sum(
                    1 + counts.get(box.graph, 0)
                    for box in scene.boxes
                    if not (scene.block and box.kind in (INPUT, OUTPUT))
                )
                for name, scene in self._view.scenes.items()
            }
        return counts[graph or self._view.main]


@dataclass(eq=False)
class _Strand:
    """A polyline in the making."""

    wire: int
    branch: bool
    points: list[Point] = field(default_factory=list)
    target: int = -1


class _Layout:
    def __init__(self, scene: Scene, inner: Sequence[Drawing | None]) -> None:
        self._scene = scene
        self._inner = inner
        self._nested = bool(scene.block)
        self._labelled: dict[int, list[Wire]] = {}
        for wire in scene.wires:
            if wire.label:
                self._labelled.setdefault(wire.source.box, []).append(wire)
        self._figures = [self._figure(i) for i in range(len(scene.boxes))]
        self._rows = self._make_rows()
        self._label_rows = {self._rows.boxes[box].layer for box in self._labelled}
        self._nets: list[list[Net]] = []
        self._sides: dict[Hop, float] = {}  # hops into a sign from the side, with their direction
        self._tops: list[float] = []
        self._bottoms: list[float] = []
        self._tracks: list[float] = []  # where the tracks below each row begin

    def _figure(self, at: int, sides: Sides | None = None) -> Figure:
        box, body = self._scene.boxes[at], self._inner[at]
        if body is None:
            labels = {wire.source.port: wire.label for wire in self._labelled.get(at, ())}
            return figure(box, labels, sides, inner=self._nested)
        ins = [body.ins[name] for name in body.scene.ins]
        anchor = ins[0] if ins else body.width / 2
        several_in, several_out = len(body.ins) > 1, len(body.outs) > 1
        return unfolded(
            box,
            body.width,
            body.height,
            anchor,
            {n if several_in else "": x - anchor for n, x in body.ins.items()},
            {n if several_out else "": x - anchor for n, x in body.outs.items()},
        )

    # ── rows ─────────────────────────────────────────────────────────────────

    def _make_rows(self) -> Rows:
        scene = self._scene
        layer_of = assign(scene)
        rows: list[list[Element]] = [[] for _ in range(max(layer_of, default=0) + 1)]
        boxes: list[Element] = []
        for i, layer in enumerate(layer_of):
            left, right = self._reach(i)
            element = Element(box=i, wire=-1, layer=layer, left=left, right=right)
            boxes.append(element)
            rows[layer].append(element)
        hops: list[Hop] = []
        free = self._free_ends()
        for number, wire in enumerate(scene.wires):
            trunk = boxes[wire.source.box]
            out = self._figures[wire.source.box].outs.get(wire.source.port, 0.0)
            last = max(layer_of[end.box] for end in wire.targets)
            by_row: dict[int, list[tuple[int, str]]] = {}
            for end in wire.targets:
                by_row.setdefault(layer_of[end.box], []).append((end.box, end.port))
            for layer in range(trunk.layer + 1, last + 1):
                below = [
                    Hop(
                        wire=number,
                        upper=trunk,
                        lower=boxes[box],
                        port=port,
                        out=out,
                        into=self._figures[box].ins.get(port, 0.0),
                        free=free[box],
                    )
                    for box, port in by_row.get(layer, ())
                ]
                if layer < last:
                    passing = Element(box=-1, wire=number, layer=layer, left=1, right=1)
                    rows[layer].append(passing)
                    below.append(
                        Hop(
                            wire=number,
                            upper=trunk,
                            lower=passing,
                            port="",
                            out=out,
                            into=0.0,
                            free=False,
                        )
                    )
                    trunk, out = passing, 0.0
                hops.extend(below)
        for hop in hops:
            hop.upper.below.append(hop)
            hop.lower.above.append(hop)
        return Rows(rows=rows, boxes=boxes, hops=hops)

    def _free_ends(self) -> list[bool]:
        """Whether wires may arrive at a box in any place: it has no named ports."""
        return [not figure.ins for figure in self._figures]

    def _reach(self, box: int) -> tuple[float, float]:
        """How far a box and the labels of its wires extend from its anchor."""
        shape = self._figures[box]
        left, right = shape.anchor, shape.width - shape.anchor + shape.shadow
        for wire in self._labelled.get(box, ()):
            out = shape.outs.get(wire.source.port, 0.0)
            right = max(right, out + LABEL + text_size(wire.label, "shape"))
        kind = self._scene.boxes[box].kind
        if self._nested and kind in (INPUT, OUTPUT):
            right = max(right, 4 + text_size(self._port_name(box), "port"))
            left = max(left, 4.0)
        return left, right

    def _port_name(self, box: int) -> str:
        """The name of a block's port, where it has several."""
        found = self._scene.boxes[box]
        names = self._scene.ins if found.kind == INPUT else self._scene.outs
        return found.title if len(names) > 1 else ""

    # ── places ───────────────────────────────────────────────────────────────

    def drawing(self) -> Drawing:
        ordered(self._rows)
        place(self._rows, Spines(self._scene))
        self._turn()
        self._spread()
        self._route()
        boxes = tuple(self._placed())
        lines = tuple(self._lines())
        texts = tuple(self._texts())
        right = [p.x + p.figure.width + p.figure.shadow for p in boxes]
        right += [x for line in lines for x, _ in line.points]
        right += [text.x + text.width for text in texts]
        return Drawing(
            scene=self._scene,
            width=float(round(max(right, default=0.0) + 0.5)),
            height=self._bottoms[-1],
            boxes=boxes,
            lines=lines,
            texts=texts,
            cuts=tuple(self._cuts()),
            rows=tuple(zip(self._tops, self._bottoms, strict=True)),
            ins=self._port_places(INPUT),
            outs=self._port_places(OUTPUT),
        )

    def _port_places(self, kind: str) -> dict[str, float]:
        if not self._nested:
            return {}
        return {
            box.title: self._rows.boxes[i].x
            for i, box in enumerate(self._scene.boxes)
            if box.kind == kind
        }

    def _turn(self) -> None:
        """Puts the further inputs of a box in the order in which they come, on the sides that
        they come from."""
        for element in self._rows.boxes:
            at = element.box
            hops = [hop for hop in element.above if not hop.free and hop.into]
            if not hops or self._inner[at] is not None:
                continue
            hops.sort(key=lambda hop: hop.upper.x + hop.out)
            left = tuple(hop.port for hop in hops if hop.upper.x + hop.out < element.x)
            right = tuple(hop.port for hop in hops if hop.upper.x + hop.out >= element.x)
            self._figures[at] = self._figure(at, Sides(left=left, right=right))
            for hop in hops:
                hop.into = self._figures[at].ins[hop.port]

    def _spread(self) -> None:
        """Where wires arrive at boxes without named ports: a straight one in the middle, the
        others beside it; into a sign from its sides, where the way is free."""
        for element in self._rows.boxes:
            hops = [hop for hop in element.above if hop.free]
            if len(hops) < 2:
                continue
            hops.sort(key=lambda hop: hop.upper.x + hop.out)
            if self._scene.boxes[element.box].kind == SIGN:
                hops = self._from_sides(element, hops)
            middle = next((i for i, hop in enumerate(hops) if hop.aligned), (len(hops) - 1) / 2)
            step = min(_BUNDLE, 1.6 * min(element.left, element.right) / max(1, len(hops)))
            for i, hop in enumerate(hops):
                hop.into = (i - middle) * step

    def _from_sides(self, element: Element, hops: list[Hop]) -> list[Hop]:
        row = self._rows.rows[element.layer]
        top = list(hops)
        for hop, side in ((hops[0], -1), (hops[-1], 1)):
            x = hop.upper.x + hop.out
            if hop.aligned or (x - element.x) * side < element.right + 8:
                continue
            at = element.order + side
            if 0 <= at < len(row):
                other = row[at]
                edge = other.x - side * (other.left if side > 0 else other.right)
                if (edge - x) * side < 6:
                    continue
            self._sides[hop] = float(side)
            hop.into = side * element.right
            top.remove(hop)
        return top

    # ── routes ───────────────────────────────────────────────────────────────

    def _route(self) -> None:
        y = 0.0
        for layer, row in enumerate(self._rows.rows):
            boxes = [self._figures[e.box] for e in row if not e.passes]
            height = max((f.height + f.shadow / 2 for f in boxes), default=0.0)
            self._tops.append(y)
            self._bottoms.append(y + height)
            nets = self._nets_below(row)
            self._nets.append(nets)
            tracks = set_tracks(nets)
            labels = _LABEL if self._has_labels(layer) else STUB
            self._tracks.append(y + height + labels)
            if layer + 1 < len(self._rows.rows):
                y += height + labels + max(0, tracks - 1) * TRACK + ARROW

    def _has_labels(self, layer: int) -> bool:
        if layer == 0 and self._nested and len(self._scene.ins) > 1:
            return True
        return layer in self._label_rows

    def _nets_below(self, row: Sequence[Element]) -> list[Net]:
        nets: dict[tuple[Element, float], Net] = {}
        for element in row:
            for hop in element.below:
                net = nets.setdefault((element, hop.out), Net(start=element.x + hop.out))
                net.hops.append(hop)
                net.ends.append(net.start if hop in self._sides else hop.lower.x + hop.into)
        return list(nets.values())

    def _placed(self) -> Iterator[Placed]:
        for i, element in enumerate(self._rows.boxes):
            shape, body = self._figures[i], self._inner[i]
            x, y = element.x - shape.anchor, self._top(element)
            at = (0.0, 0.0)
            if body is not None:
                ins = [body.ins[name] for name in body.scene.ins]
                middle = ins[0] if ins else body.width / 2
                at = (x + shape.anchor - middle, y + frame_head(self._scene.boxes[i]))
            yield Placed(
                box=self._scene.boxes[i],
                figure=shape,
                x=x,
                y=y,
                row=element.layer,
                inner=body,
                at=at,
            )

    def _top(self, element: Element) -> float:
        """Boxes stand in the middle of their row."""
        top, bottom = self._tops[element.layer], self._bottoms[element.layer]
        if element.passes:
            return top
        shape = self._figures[element.box]
        tall = shape.height + shape.shadow / 2
        return top + float(round((bottom - top - tall) / 2))

    def _bottom(self, element: Element) -> float:
        if element.passes:
            return self._bottoms[element.layer]
        return self._top(element) + self._figures[element.box].height

    def _lines(self) -> Iterator[Line]:
        strands: list[_Strand] = []
        ending: dict[Element, _Strand] = {}
        for layer, nets in enumerate(self._nets):
            for net in nets:
                # A straight line goes on first, branches leave it.
                order = sorted(net.hops, key=lambda h: (not h.lower.passes, not h.aligned))
                for hop in order:
                    strand = ending.pop(hop.upper, None)
                    if strand is None:
                        strand = _Strand(hop.wire, branch=hop.upper.passes)
                        strands.append(strand)
                    strand.points.extend(self._hop_points(hop, net, layer))
                    if hop.lower.passes:
                        ending[hop.lower] = strand
                    else:
                        strand.target = hop.lower.box
        for strand in strands:
            wire = self._scene.wires[strand.wire]
            target = self._scene.boxes[strand.target]
            yield Line(
                wire=strand.wire,
                source=wire.source.box,
                target=strand.target,
                points=tuple(_simplified(strand.points)),
                arrow=not (self._nested and target.kind == OUTPUT),
                branch=strand.branch,
            )

    def _hop_points(self, hop: Hop, net: Net, layer: int) -> list[Point]:
        start, top = net.start, self._bottom(hop.upper)
        if hop in self._sides:
            centre = self._top(hop.lower) + self._figures[hop.lower.box].height / 2
            return [(start, top), (start, centre), (hop.lower.x + hop.into, centre)]
        end, bottom = hop.lower.x + hop.into, self._top(hop.lower)
        if abs(end - start) <= 0.5:
            return [(start, top), (start, bottom)]
        y = self._tracks[layer] + net.track * TRACK
        return [(start, top), (start, y), (end, y), (end, bottom)]

    def _texts(self) -> Iterator[Text]:
        for wire in self._scene.wires:
            if wire.label:
                element = self._rows.boxes[wire.source.box]
                out = self._figures[wire.source.box].outs.get(wire.source.port, 0.0)
                x, y = element.x + out + LABEL, self._bottom(element) + 11
                yield Text(x=x, y=y, text=wire.label, style="shape", box=element.box)
        for i, box in enumerate(self._scene.boxes):
            name = self._port_name(i) if self._nested and box.kind in (INPUT, OUTPUT) else ""
            if name:
                element = self._rows.boxes[i]
                y = self._tops[element.layer] + (10 if box.kind == INPUT else -4)
                yield Text(x=element.x + 4, y=y, text=name, style="port", box=i)

    def _cuts(self) -> Iterator[Cut]:
        for layer, nets in enumerate(self._nets[:-1]):
            yield Cut(
                y=self._tracks[layer] - 1,
                crossing=tuple(sorted(net.start for net in nets)),
            )


def _simplified(points: Sequence[Point]) -> Iterator[Point]:
    """A polyline without what lies between two of its points on one line."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        while len(kept) > 1 and _in_line(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return iter(kept)


def _in_line(a: Point, b: Point, c: Point) -> bool:
    return a[0] == b[0] == c[0] or a[1] == b[1] == c[1]
