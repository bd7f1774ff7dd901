"""How a picture is put on paper: columns for what is tall, a U for what goes down and up."""

from __future__ import annotations

from itertools import pairwise

from checking import check_dlc, compiled
from pictures import Box, read, svg

from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.svg import write_svg


def page(body: str) -> Box:
    text = f"dlc 1\nmodel Net {{\n  input x: float[N, 8]\n{body}\n}}\n"
    return read(write_svg(make_page(view(compiled(check_dlc(text)).program))))


def places(drawn: Box) -> dict[str, Box]:
    return {box.key: box for box in drawn.boxes}


def test_a_short_network_stays_in_one_column() -> None:
    drawn = page("  repeat 6 { linear(8) -> relu }\n  output y = linear(2)")
    assert len({box.area.x0 + box.area.x1 for box in drawn.boxes if box.area}) <= 2
    assert not [wire for wire in drawn.wires if not wire.end]


def test_a_tall_network_goes_on_in_the_next_column() -> None:
    drawn = page("  repeat 40 { linear(8) -> relu }\n  output y = linear(2)")
    assert drawn.area is not None
    assert drawn.area.y1 <= 1.6 * drawn.area.x1
    joints = [wire for wire in drawn.wires if not wire.end]
    assert joints
    ends = {wire.points[-1] for wire in drawn.wires if wire.end}
    starts = {wire.points[0] for wire in drawn.wires if wire.end}
    for joint in joints:
        # What leaves the foot of a column arrives at the head of the next.
        assert joint.points[0] in ends
        assert joint.points[-1] in starts
        assert joint.points[-1][1] < joint.points[0][1]
        assert joint.points[-1][0] > joint.points[0][0]


def test_columns_part_where_few_wires_run() -> None:
    drawn = page(
        "  repeat 20 { residual { linear(8) -> relu -> linear(8) } }\n  output y = linear(2)"
    )
    assert {len(wire.points) for wire in drawn.wires if not wire.end} == {6}
    columns = {wire.points[-1][0] for wire in drawn.wires if not wire.end}
    assert len([wire for wire in drawn.wires if not wire.end]) == len(columns)


def test_bridges_of_a_u_are_straight_and_its_second_half_flows_up() -> None:
    drawn = read(svg("unet", 0))
    boxes = places(drawn)
    ups = [box for box in drawn.boxes if box.calls and box.key.startswith("up")]
    assert len(ups) == 4
    tops = [box.area.y0 for box in ups if box.area]
    assert tops == sorted(tops, reverse=True)
    for up in ups:
        bridge, spine = sorted(
            (wire for wire in drawn.wires if wire.end == up.key), key=lambda w: -len(w.points)
        )
        assert up.area is not None
        for wire in (bridge, spine):
            assert wire.points[-1][1] == up.area.y1, "it arrives from below"
        source = boxes[bridge.start]
        assert source.area is not None
        assert source.area.x1 < up.area.x0
        # Down from the box, across at one height, up into the other.
        levels = [a[1] for a, b in pairwise(bridge.points) if a[1] == b[1]]
        assert len(levels) == 1
        assert source.area.y1 < levels[0]
        assert levels[0] > up.area.y1


def test_rows_of_a_box_in_the_second_half_read_along_the_flow() -> None:
    drawn = read(svg("unet", 9))
    box = next(b for b in drawn.everything() if b.key == "up_4.double.conv2d")
    heights = {word.text.split(" ")[0]: word.area.y0 for word in box.words}
    assert heights["relu"] < heights["conv2d"]
    box = next(b for b in drawn.everything() if b.key == "skip1.conv2d")
    heights = {word.text.split(" ")[0]: word.area.y0 for word in box.words}
    assert heights["relu"] > heights["conv2d"]


def test_a_residual_network_is_no_u() -> None:
    for name in ("resnet18", "bert_base", "gpt2"):
        drawn = read(svg(name, 0))
        for parent in (drawn, *drawn.everything()):
            arrows = [wire for wire in parent.wires if wire.end and len(wire.points) == 2]
            assert all(wire.points[0][1] < wire.points[1][1] for wire in arrows)


def test_the_spine_of_a_residual_network_is_one_straight_line() -> None:
    drawn = page(
        "  repeat 5 { residual { linear(8) -> relu -> linear(8) } }\n  output y = linear(2)"
    )
    middles = {
        round((box.area.x0 + box.area.x1) / 2) for box in drawn.boxes if box.area is not None
    }
    assert max(middles) - min(middles) <= 1


def test_towers_that_meet_stand_side_by_side_over_what_joins_them() -> None:
    drawn = places(read(svg("siamese")))
    left, right, meet = (drawn[key].area for key in ("a", "b", "d"))
    assert left is not None
    assert right is not None
    assert meet is not None
    assert left.x1 < right.x0
    assert left.x0 < meet.x0 < meet.x1 < right.x1
