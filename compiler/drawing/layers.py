"""Layers of a drawing: which row each box stands in, and in what order.

The method is Sugiyama's: boxes go to rows by their longest path from the start, wires that
pass a row take a place in it, and the order within the rows is found by barycentres and
exchanges of neighbours. All wires of a value share one trunk, so that a mask that twelve
layers read is one line with twelve branches.

Source: Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical system
structures, 1981; Barth, Mutzel, Juenger, Simple and efficient bilayer cross counting, 2004.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dlc.compiler.drawing.view import INPUT, OUTPUT, Scene

_SWEEPS: Final = 8
_EXCHANGES: Final = 6
_MANY: Final = 4_000  # elements beyond which neighbours are not exchanged


@dataclass(eq=False, slots=True)
class Element:
    """A box in its row, or the passage of a wire through a row (`box` is -1). `left` and
    `right` are how far it reaches from its `x`."""

    box: int
    wire: int
    layer: int
    left: float
    right: float
    order: int = 0
    x: float = 0.0
    above: list[Hop] = field(default_factory=list)
    below: list[Hop] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        return self.box < 0


@dataclass(eq=False, slots=True)
class Hop:
    """The part of a wire between two rows. `out` and `into` are how far from the elements' x
    it leaves and arrives; `free` tells that it may arrive anywhere on the box."""

    wire: int
    upper: Element
    lower: Element
    port: str
    out: float
    into: float
    free: bool
    aligned: bool = False


@dataclass(eq=False, slots=True)
class Rows:
    """The elements of a scene, row by row, each in its order."""

    rows: list[list[Element]]
    boxes: list[Element]
    hops: list[Hop]


def assign(scene: Scene) -> list[int]:
    """The row of each box. A block's ports stand in the first and the last row; inputs of the
    network, and what is made of them alone, stand as near to their readers as they can."""
    count = len(scene.boxes)
    readers: list[list[int]] = [[] for _ in range(count)]
    makers: list[list[int]] = [[] for _ in range(count)]
    for wire in scene.wires:
        for end in wire.targets:
            readers[wire.source.box].append(end.box)
            makers[end.box].append(wire.source.box)
    inner = bool(scene.block)
    rows = [0] * count
    for box in range(count):
        first = 1 if inner and scene.boxes[box].kind != INPUT else 0
        rows[box] = max([first, *(rows[maker] + 1 for maker in makers[box])])
    alone = [len(set(found)) == 1 for found in readers]
    free = [False] * count
    for box in range(count):
        pinned = inner and scene.boxes[box].kind == INPUT
        free[box] = not pinned and all(free[maker] and alone[maker] for maker in makers[box])
    for box in reversed(range(count)):
        if free[box] and readers[box]:
            rows[box] = min(rows[reader] for reader in readers[box]) - 1
    if inner:
        last = max((rows[b] for b in range(count) if scene.boxes[b].kind != OUTPUT), default=0) + 1
        for box in range(count):
            if scene.boxes[box].kind == OUTPUT:
                rows[box] = last
    return rows


def ordered(rows: Rows) -> None:
    """Puts the elements of each row into an order with few crossings."""
    _number(rows.rows)
    if all(len(row) < 2 for row in rows.rows):
        return
    best = _crossings(rows.rows)
    kept = [list(row) for row in rows.rows]
    for sweep in range(_SWEEPS):
        if best == 0:
            break
        _sweep(rows.rows, down=sweep % 2 == 0)
        if sum(map(len, rows.rows)) <= _MANY:
            _exchange(rows.rows)
        found = _crossings(rows.rows)
        if found < best:
            best, kept = found, [list(row) for row in rows.rows]
    rows.rows[:] = kept
    _number(rows.rows)


def _number(rows: Sequence[list[Element]]) -> None:
    for row in rows:
        for order, element in enumerate(row):
            element.order = order


def _sweep(rows: Sequence[list[Element]], *, down: bool) -> None:
    for row in rows if down else reversed(rows):
        if len(row) < 2:
            continue
        wanted = {element: _barycentre(element, down) for element in row}
        row.sort(key=lambda element: wanted[element])
        for order, element in enumerate(row):
            element.order = order


def _barycentre(element: Element, down: bool) -> float:
    hops = element.above if down else element.below
    if not hops:
        return float(element.order)
    if down:
        places = [_place(hop.upper, hop.out) - _shift(hop.lower, hop.into) for hop in hops]
    else:
        places = [_place(hop.lower, hop.into) - _shift(hop.upper, hop.out) for hop in hops]
    return sum(places) / len(places)


def _place(element: Element, offset: float) -> float:
    return element.order + _shift(element, offset)


def _shift(element: Element, offset: float) -> float:
    """Where on an element a wire meets it, from -0.5 to 0.5."""
    return offset / (element.left + element.right + 1)


def _crossings(rows: Sequence[list[Element]]) -> int:
    return sum(_crossings_below(row) for row in rows)


def _crossings_below(row: Sequence[Element]) -> int:
    """Crossings between a row and the next."""
    ends = sorted(
        (_place(hop.upper, hop.out), _place(hop.lower, hop.into))
        for element in row
        for hop in element.below
    )
    if len(ends) < 2:
        return 0
    seen: list[float] = []
    total = 0
    for _, lower in ends:
        total += len(seen) - bisect_right(seen, lower)
        insort(seen, lower)
    return total


def _exchange(rows: Sequence[list[Element]]) -> None:
    """Exchanges neighbours where that takes crossings away."""
    for _ in range(_EXCHANGES):
        better = False
        for row in rows:
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                if _between(b, a) < _between(a, b):
                    row[i], row[i + 1] = b, a
                    b.order, a.order = i, i + 1
                    better = True
        if not better:
            return


def _between(a: Element, b: Element) -> int:
    """The crossings of two neighbours' wires where `a` stands on the left."""
    total = 0
    for up in (True, False):
        left, right = ([_far_end(hop, up) for hop in _hops(e, up)] for e in (a, b))
        total += sum(x > y for x in left for y in right)
    return total


def _hops(element: Element, up: bool) -> list[Hop]:
    return element.above if up else element.below


def _far_end(hop: Hop, up: bool) -> float:
    return _place(hop.upper, hop.out) if up else _place(hop.lower, hop.into)
