"""Pictures hold together: words in their boxes, boxes apart, wires round them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from pictures import NAMES, STRESS, Area, Box, read, svg

CASES = [(name, depth) for name in (*NAMES, *STRESS) for depth in (None, 0, 1, 9)]


def pages() -> list[object]:
    return [pytest.param(name, depth, id=f"{name}-{depth}") for name, depth in CASES]


@pytest.mark.parametrize(("name", "depth"), pages())
def test_words_stand_in_their_boxes_and_not_on_each_other(name: str, depth: int | None) -> None:
    for box in read(svg(name, depth)).everything():
        for word in box.words:
            assert box.area is not None
            assert box.area.holds(word.area, 0.6), f"`{word.text}` leaves {box.key}"
        for a, b in combinations(box.words, 2):
            assert not a.area.meets(b.area), f"`{a.text}` and `{b.text}` in {box.key}"


@pytest.mark.parametrize(("name", "depth"), pages())
def test_boxes_are_apart_and_frames_hold_what_they_frame(name: str, depth: int | None) -> None:
    page = read(svg(name, depth))
    for parent in (page, *page.everything()):
        drawn = [box for box in parent.boxes if box.area is not None]
        for box in drawn:
            assert parent.area is not None
            assert parent.area.holds(box.area), f"{box.key} leaves {parent.key or 'the page'}"
        for a, b in combinations(drawn, 2):
            assert not a.area.meets(b.area, -3), f"{a.key} and {b.key}"


@pytest.mark.parametrize(("name", "depth"), pages())
def test_labels_stand_on_nothing(name: str, depth: int | None) -> None:
    page = read(svg(name, depth))
    for parent in (page, *page.everything()):
        for word in parent.labels:
            for box in parent.boxes:
                assert box.area is None or not word.area.meets(box.area), f"{word.text}: {box.key}"
            for wire in parent.wires:
                for part in _parts(wire.points):
                    assert not part.meets(word.area, 0.5), f"{word.text}: {wire.start}"
        for a, b in combinations(parent.labels, 2):
            assert not a.area.meets(b.area), f"`{a.text}` and `{b.text}` in {parent.key}"


@pytest.mark.parametrize(("name", "depth"), pages())
def test_wires_run_round_boxes_and_along_the_axes(name: str, depth: int | None) -> None:
    page = read(svg(name, depth))
    for parent in (page, *page.everything()):
        for wire in parent.wires:
            for (ax, ay), (bx, by) in pairwise(wire.points):
                assert ax == bx or ay == by, f"{wire.start} to {wire.end} is askew"
            for part in _parts(wire.points):
                for box in parent.boxes:
                    through = box.area is not None and part.meets(box.area, 1)
                    assert not through, f"{wire.start} to {wire.end} runs through {box.key}"


def _parts(points: list[tuple[float, float]]) -> Iterator[Area]:
    for (ax, ay), (bx, by) in pairwise(points):
        yield Area(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))


@pytest.mark.parametrize(("name", "depth"), pages())
def test_wires_begin_and_end_at_their_boxes(name: str, depth: int | None) -> None:
    page = read(svg(name, depth))
    for parent in (page, *page.everything()):
        places = {box.key: box for box in parent.boxes}
        ends = [wire for wire in parent.wires if wire.end]
        for wire in ends:
            target = places[wire.end]
            reached = [w.points[-1] for w in ends if w.end == wire.end and w.start == wire.start]
            if target.area is not None:
                assert any(_on_edge(point, target) for point in reached), f"{wire.end} not reached"


def _on_edge(point: tuple[float, float], box: Box) -> bool:
    assert box.area is not None
    x, y = point
    a = box.area
    inside = a.x0 - 1 <= x <= a.x1 + 1 and a.y0 - 1 <= y <= a.y1 + 1
    return inside and min(abs(x - a.x0), abs(x - a.x1), abs(y - a.y0), abs(y - a.y1)) <= 6


def test_the_pictures_of_a_sheet_fit_a_sheet() -> None:
    for name in NAMES:
        area = read(svg(name)).area
        assert area is not None
        assert area.x1 <= 1400, name
        assert area.y1 <= 1900, name
