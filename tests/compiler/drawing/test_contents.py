"""Nothing of a network is missing in its picture."""

from __future__ import annotations

from collections import Counter

import pytest
from checking import check_dlc, compiled
from pictures import NAMES, STRESS, program, read, svg

from dlc.compiler import Program
from dlc.compiler.drawing.html import write_html
from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.svg import write_svg
from dlc.compiler.ir.graph import BlockCall, Graph

ALL = (*NAMES, *STRESS)


def shown(text: str) -> tuple[set[str], set[str]]:
    """The paths of the layers that are drawn, and of the calls."""
    nodes: set[str] = set()
    calls: set[str] = set()
    for box in read(text).everything():
        nodes.update(box.nodes)
        calls.update(box.calls)
    return nodes, calls


@pytest.mark.parametrize("name", ALL)
def test_every_layer_is_drawn_or_stands_in_a_call_that_is_folded(name: str) -> None:
    whole = program(name)
    nodes, calls = shown(svg(name, 9))
    for path, _, _ in whole.walk():
        if path not in nodes:
            # A call of a run looks like the first of them.
            assert any(path.startswith(call + ".") for call in calls), f"{path} is missing"


@pytest.mark.parametrize("name", ALL)
def test_folded_pictures_show_every_layer_outside_of_blocks(name: str) -> None:
    whole = program(name)
    nodes, calls = shown(svg(name, 0))
    assert nodes | calls == {node.name for node in whole.graph.nodes}


@pytest.mark.parametrize("name", ALL)
def test_every_value_that_is_read_has_a_wire(name: str) -> None:
    whole = program(name)
    page = read(svg(name, 0))
    drawn = {(wire.start, wire.end) for wire in page.wires if wire.end}
    home: dict[str, str] = {}
    for box in page.boxes:
        for node in (*box.nodes, *box.calls):
            home[node] = box.key
    assert drawn == set(_links(whole.graph, home))


def _links(graph: Graph, home: dict[str, str]) -> list[tuple[str, str]]:
    made = {name: f"in:{name}" for name in graph.inputs}
    links = []
    for node in graph.nodes:
        for _, value in node.inputs:
            links.append((made[value], home[node.name]))
        made.update(dict.fromkeys(node.outputs, home[node.name]))
    links += [(made[value], f"out:{name}") for name, value in graph.outputs]
    return [(a, b) for a, b in links if a != b]


@pytest.mark.parametrize("name", ALL)
def test_the_title_tells_the_parameters_that_the_program_has(name: str) -> None:
    assert f">{program(name).parameter_count:,} parameter" in svg(name)


@pytest.mark.parametrize("name", ALL)
def test_boxes_add_up_to_all_parameters(name: str) -> None:
    found = view(program(name))
    assert sum(box.parameters for box in found.scene.boxes) == program(name).parameter_count


def test_macs_are_those_that_are_counted() -> None:
    from dlc.compiler.analysis.cost import cost

    for name in NAMES:
        found = view(program(name))
        if not found.open_sizes:
            assert found.macs == cost(program(name)).macs, name


def net(body: str, blocks: str = "") -> Program:
    text = f"dlc 1\n{blocks}\nmodel Net {{\n  input x: float[N, 8]\n{body}\n}}\n"
    return compiled(check_dlc(text)).program


BLOCK = "block B(w: int) {\n  input x: float[N, w]\n  residual { linear(w) -> relu }\n}\n"


def counts(whole: Program) -> list[int]:
    return [box.count for box in view(whole).scene.boxes if box.kind == "block"]


def test_calls_alike_are_one_box_that_counts_them() -> None:
    assert counts(net("  repeat 12 { B(8) }\n  output y = linear(2)", BLOCK)) == [12]


def test_a_call_that_differs_ends_a_run() -> None:
    body = "  B(8)\n  B(8)\n  linear(4)\n  B(4)\n  B(4)\n  B(4)\n  output y = linear(2)"
    assert counts(net(body, BLOCK)) == [2, 3]


def test_calls_whose_results_are_read_elsewhere_stand_alone() -> None:
    body = "  a = x -> B(8)\n  b = a -> B(8)\n  c = b -> B(8)\n  output y = c + a"
    assert counts(net(body, BLOCK)) == [1, 2]


def test_calls_side_by_side_are_no_run() -> None:
    body = "  a = x -> B(8)\n  b = x -> B(8)\n  output y = a + b"
    assert counts(net(body, BLOCK)) == [1, 1]


def test_a_run_of_one_set_of_layers_says_so_and_counts_them_once() -> None:
    body = "  a = x -> B(8)\n  b = a -> reuse(a)\n  c = b -> reuse(a)\n  output y = linear(2)"
    found = view(net(body, BLOCK))
    (box,) = [box for box in found.scene.boxes if box.kind == "block"]
    assert (box.count, box.tied, box.parameters) == (3, True, 72)
    assert "the same layers each time" in write_svg(make_page(found))


def test_a_layer_that_uses_the_weight_of_another_says_whose() -> None:
    body = "  a = x -> linear(8)\n  output y = linear(8, weight=a.weight)"
    text = write_svg(make_page(view(net(body))))
    assert ">weight of a<" in text


def test_a_layer_that_is_applied_again_is_dashed_and_says_whose_it_is() -> None:
    body = "  a = x -> linear(8)\n  output y = reuse(a)"
    text = write_svg(make_page(view(net(body))))
    assert ">parameters of a<" in text
    assert 'class="frame s-linear again"' in text


def test_layers_that_a_paper_stacks_share_a_box() -> None:
    text = write_svg(
        make_page(view(net("  linear(16) -> relu -> dropout(0.1)\n  output y = linear(2)")))
    )
    boxes = {tuple(box.nodes) for box in read(text).boxes if box.nodes}
    assert boxes == {("linear", "relu", "dropout"), ("y",)}


def test_a_layer_whose_result_is_read_twice_ends_its_box() -> None:
    body = "  a = x -> linear(8)\n  b = a -> relu\n  output y = a + b"
    text = write_svg(make_page(view(net(body))))
    assert [box.nodes for box in read(text).boxes if box.nodes] == [["a"], ["b"], ["y"]]


def test_sums_of_sums_are_one_sign() -> None:
    body = "  a = x -> linear(8)\n  b = x -> linear(8)\n  a + b + x -> linear(2)\n  output y = relu"
    signs = [box for box in read(write_svg(make_page(view(net(body))))).boxes if box.kind == "sign"]
    assert [len(box.nodes) for box in signs] == [2]


def test_shapes_are_written_where_they_change() -> None:
    labels = Counter(word.text for word in read(svg("lenet5")).labels)
    for shape in ("N×6×28×28", "N×6×14×14", "N×16×10×10", "N×16×5×5", "N×400", "N×120", "N×84"):
        assert labels[shape] == 1


def test_every_block_of_the_program_has_a_scene() -> None:
    for name in ALL:
        whole = program(name)
        found = view(whole)
        assert set(found.scenes) == set(whole.graphs)
        called = {
            n.op.graph
            for g in whole.graphs.values()
            for n in g.nodes
            if isinstance(n.op, BlockCall)
        }
        boxes = {box.graph for scene in found.scenes.values() for box in scene.boxes if box.graph}
        assert boxes == called


def test_a_program_without_names_or_layers_is_drawn() -> None:
    whole = net("  output y = x")
    assert {box.kind for box in read(write_svg(make_page(view(whole)))).boxes} == {
        "input",
        "output",
    }
    assert write_html(view(whole))
