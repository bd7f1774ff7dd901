"""The examples of the language reference compile, and the two surfaces of a pair are equal."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from dlc.compiler import check
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.render import render
from dlc.compiler.semantics.resolve import SECTIONS
from dlc.compiler.source import Source

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "grammar" / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
FENCE = re.compile(r"^( *)```(\S+)( fragment)?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FENCES = [match[1:] for match in FENCE.findall(TEXT)]
EXAMPLES = [(surface, text) for surface, fragment, text in FENCES if not fragment]
PAIRS = [
    (first, second)
    for (one, first), (two, second) in pairwise(EXAMPLES)
    if (one, two) == ("yaml", "dlc")
]

# What the fragments speak of.
NETWORK = """\
dlc: 1
params: {p: 0.3}
inputs: {image: "float[N, 64]", tokens: "int[N, T]"}
layers:
  - from: image
    linear: 32
    name: stem
  - relu:
    name: layer1
  - from: layer1
    linear: 10
    output: logits
  - from: layer1
    linear: 7
    output: emotion
  - from: layer1
    linear: 1
    output: age
  - from: tokens
    embedding: [10, 4]
  - linear: 10
    output: head
targets: {label: "int[N]", emotion_label: "int[N]", age_value: "float[N, 1]"}
"""


def _compiled(surface: str, text: str) -> Compilation:
    result = check(Source(f"example.{surface}", text, surface), root=ROOT / "specs")
    shown = render(result.diagnostics, "text", color=False, width=100)
    assert not result.diagnostics, shown
    assert result.compilation is not None
    return result.compilation


def test_the_page_has_examples_in_both_surfaces() -> None:
    assert {surface for surface, _ in EXAMPLES} == {"yaml", "dlc"}
    assert all(text.startswith(("dlc: 1\n", "dlc 1\n")) for _, text in EXAMPLES)
    assert len(PAIRS) >= 4


@pytest.mark.parametrize(("surface", "text"), EXAMPLES, ids=[str(n) for n in range(len(EXAMPLES))])
def test_an_example_compiles_without_a_finding(surface: str, text: str) -> None:
    _compiled(surface, text)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[str(n) for n in range(len(PAIRS))])
def test_the_two_surfaces_of_an_example_are_equal(first: str, second: str) -> None:
    yaml, dlc = _compiled("yaml", first), _compiled("dlc", second)
    assert yaml.spec == dlc.spec
    assert yaml.digest == dlc.digest


_OF_ANOTHER = ("E0213", "W0101", "W0104", "W0105", "W0128")
FRAGMENTS = [text for _, fragment, text in FENCES if fragment]


@pytest.mark.parametrize("text", FRAGMENTS, ids=[t.split(":")[0] for t in FRAGMENTS])
def test_a_fragment_is_taken_as_it_stands(text: str) -> None:
    for fragment in _alternatives(text):
        given = {line.partition(":")[0] for line in fragment.splitlines()}
        needed = {"loss": "cross_entropy(logits, label)", "optimizer": "adamw(lr=0.1)"}
        rest = "".join(f"{key}: {value}\n" for key, value in needed.items() if key not in given)
        result = check(Source("example.yaml", f"{NETWORK}{rest}{fragment}\n"))
        # The columns, names and layers of the fragment are not all those of this network.
        wrong = [d for d in result.diagnostics if d.code.number not in _OF_ANOTHER]
        assert not wrong, render(wrong, "text", color=False, width=100)


def _alternatives(text: str) -> list[str]:
    """A fragment; or its lines, where they say one thing in several ways."""
    lines = [re.sub(r"^   (?=\S)", "", line) for line in text.splitlines()]
    keys = [line.partition(":")[0] for line in lines if re.match(r"\w+:", line)]
    return ["\n".join(lines)] if len(keys) == len(set(keys)) else lines


def test_every_section_has_a_heading() -> None:
    headings = " ".join(re.findall(r"^### (.*)$", TEXT, re.MULTILINE))
    for section in (*SECTIONS, "targets"):
        assert f"`{section}`" in headings


def test_links_within_the_page_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    for link in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert link in anchors


def test_links_to_the_reference_lead_to_headings() -> None:
    reference = PAGE.with_name("reference.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", reference, re.MULTILINE)
    anchors = {h.lower().replace(" ", "-") for h in headings}
    for link in re.findall(r"\]\(reference\.md#([^)]+)\)", TEXT):
        assert link in anchors
