"""The same bytes each time, nothing that is run, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checking import SPECS, check_dlc, compiled
from pictures import NAMES, STRESS, program, svg

from dlc.compiler.drawing.html import write_html
from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.svg import escape, write_svg
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops.gelu import Gelu
from dlc.compiler.ops.linear import Linear
from tests.networks import Builder
from tests.networks import program as built

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&]]>--><!--%%DATA%%"

SCRIPT = """
import hashlib, sys
from pathlib import Path
from dlc.compiler import Source, check
from dlc.compiler.drawing.html import write_html
from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.svg import write_svg
for name in sys.argv[1:]:
    path = Path(name)
    found = check(Source(path.name, path.read_text(), "yaml"), path=path).compilation
    shown = view(found.program)
    text = write_svg(make_page(shown)) + write_html(shown)
    print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_equal_programs_give_equal_bytes_whatever_the_hashes_are() -> None:
    specs = [str(SPECS / f"{name}.yaml") for name in ("bert_base", "multitask", "seq2seq")]
    given = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *specs],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(given) == 1


@pytest.mark.parametrize("name", [*NAMES, *STRESS])
def test_both_surfaces_give_one_picture(name: str) -> None:
    other = SPECS / f"{name}.dlc"
    if not other.exists():
        return
    from checking import check_file

    assert write_svg(make_page(view(compiled(check_file(other)).program))) == svg(name)


@pytest.mark.parametrize("name", [*NAMES, *STRESS])
def test_a_picture_asks_for_nothing_from_elsewhere(name: str) -> None:
    for text in (svg(name), write_html(view(program(name)))):
        addresses = set(re.findall(r"https?://[^\s\"'`<>)]*", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}
        assert "@import" not in text
        assert "url(" not in text
    assert "<script" not in svg(name)


class _Page(HTMLParser):
    """The elements of a page and the text of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


def parsed(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    return page


def hostile() -> str:
    """A page of a program whose every name and text is an attack."""
    main = Builder(name=HOSTILE)
    main.input("x", float_tensor(2, 3))
    value = main.apply(Linear(out_features=3), "x", layer=HOSTILE)
    main.apply(Gelu(), value, layer="e")
    main.output(HOSTILE, "e")
    whole = built(main)
    graph = whole.graph
    gelu = replace(graph.nodes[1].op, approximate=HOSTILE + "\x00\x1b[31m\u202e")
    nodes = (graph.nodes[0], replace(graph.nodes[1], op=gelu))
    made = replace(whole, graphs={graph.name: replace(graph, nodes=nodes)})
    shown = view(made)
    text = write_svg(make_page(shown))
    ElementTree.fromstring(text)
    assert "<img" not in text
    assert "<script" not in text
    return write_html(shown)


def test_names_and_texts_cannot_leave_their_place() -> None:
    page = parsed(hostile())
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [tag for tag, _ in page.tags if tag == "img"]
    data = json.loads(page.scripts[0])
    (scene,) = data["scenes"].values()
    assert scene["boxes"][1]["k"] == HOSTILE
    for box in scene["boxes"]:
        if "svg" in box:
            ElementTree.fromstring(f"<svg>{box['svg']}</svg>")
            assert "<script" not in box["svg"]
            assert "<img" not in box["svg"]


def test_what_xml_cannot_hold_becomes_a_sign_that_it_can() -> None:
    assert escape("a\x00b\x0b<\ud800>") == "a\ufffdb\ufffd&lt;\ufffd&gt;"


@pytest.mark.parametrize("name", ["lenet5", "bert_base", "siamese"])
def test_no_script_runs_but_the_page_s_own(name: str) -> None:
    page = parsed(write_html(view(program(name))))
    (policy,) = [
        attrs["content"] or ""
        for tag, attrs in page.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    handlers = [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert not handlers


@pytest.mark.parametrize("name", ["lenet5", "bert_base", "multitask", "ports"])
def test_the_page_holds_every_scene_and_every_layer_with_its_details(name: str) -> None:
    whole = program(name)
    data = json.loads(parsed(write_html(view(whole))).scripts[0])
    assert set(whole.graphs) <= set(data["scenes"])
    for graph in whole.graphs.values():
        boxes = data["scenes"][graph.name]["boxes"]
        told = {about["name"] for box in boxes for about in box["about"]}
        assert {node.name for node in graph.nodes if not hasattr(node.op, "graph")} <= told


def test_a_run_can_be_unfolded_into_its_calls() -> None:
    data = json.loads(parsed(write_html(view(program("bert_base")))).scripts[0])
    (run,) = [box for box in data["scenes"][data["main"]]["boxes"] if box.get("run")]
    calls = [box["k"] for box in data["scenes"][run["g"]]["boxes"] if box["t"] == "block"]
    assert calls == [f"encoder_layer.{i}" for i in range(12)]


def test_details_tell_arguments_shapes_parameters_cost_and_the_line_of_the_spec() -> None:
    data = json.loads(parsed(write_html(view(program("lenet5")))).scripts[0])
    boxes = data["scenes"]["LeNet5"]["boxes"]
    (conv,) = [about for box in boxes for about in box["about"] if about["name"] == "conv2d"]
    rows = dict(conv["rows"])
    assert rows["kernel_size ="] == "5"
    assert rows["→ x"] == "N×1×28×28 (normalize)"
    assert rows["result →"] == "N×6×28×28"
    assert rows["weight"] == "6×1×5×5 = 150, xavier_uniform()"
    assert rows["parameters"] == "156"
    assert rows["MACs"] == "118 k"
    assert conv["place"].startswith("lenet5.yaml:")
    assert conv["source"].startswith("- conv2d: {out_channels: 6, kernel_size: 5, padding: 2}")


def test_a_page_tells_no_folder_of_the_machine() -> None:
    source = check_dlc("dlc 1\nmodel Net {\n  input x: float[N, 8]\n  output y = linear(2)\n}\n")
    text = write_html(view(compiled(source).program))
    assert str(Path.cwd()) not in text
    assert "net.dlc:4" in text


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_one_that_engines_read(tmp_path: Path) -> None:
    script = tmp_path / "viewer.js"
    script.write_text(parsed(write_html(view(program("lenet5")))).scripts[1])
    subprocess.run(["node", "--check", str(script)], check=True, timeout=60)
