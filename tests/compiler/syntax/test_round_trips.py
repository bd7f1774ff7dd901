"""Formatting and reading are inverse, on the examples, on generated trees, with comments."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from reading import LANGUAGE, TEXTS, read_well
from trees import expressions, files

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse, parse_expression, tree
from dlc.compiler.syntax.format import format_expression, format_file

SURFACES = ("dlc", "yaml")
# Shrinking a whole file takes minutes and the seed is enough to see it.
_quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_an_example_keeps_its_tree_and_formatting_it_twice_changes_nothing(
    path: Path, surface: str
) -> None:
    file = read_well(path.read_text(encoding="utf-8"), path.suffix[1:])
    text = format_file(file, surface)
    again = read_well(text, surface)
    assert format_file(again, surface) == text
    # `einsum: nkd,nd->nk` can only be quoted text in `.dlc`.
    if (path.name, surface) != ("skipgram.yaml", "dlc"):
        assert again == file


@pytest.mark.parametrize(
    "name", ["multitask.yaml", "multitask.dlc", "bilstm.dlc", "blocks/conv.dlc"]
)
def test_a_canonical_example_is_left_as_it_is(name: str) -> None:
    text = (LANGUAGE / name).read_text(encoding="utf-8")
    surface = name.rsplit(".", 1)[1]
    assert format_file(read_well(text, surface), surface) == text


@_quick
@given(expressions)
def test_any_expression_reads_back(expr: tree.Expr) -> None:
    text = format_expression(expr)
    collector = Collector()
    read = parse_expression(Source("x", text, "argument"), collector)
    assert read == expr, text


@pytest.mark.parametrize("surface", SURFACES)
def test_any_tree_reads_back(surface: str) -> None:
    @_quick
    @given(files)
    def check(file: tree.File) -> None:
        text = format_file(file, surface)
        collector = Collector()
        read = parse(Source("x", text, surface), collector)
        assert not collector.sorted(), text
        assert read == file, text
        assert format_file(read, surface) == text

    check()


# ── comments ─────────────────────────────────────────────────────────────────


def _with_comments(text: str, rng: random.Random) -> tuple[str, list[str]]:
    """The text with comments where both surfaces allow them: behind lines and on their own."""
    lines: list[str] = []
    said: list[str] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if rng.random() < 0.2:
            said.append(f"# {len(said)} before")
            lines.append(indent + said[-1])
        if line and rng.random() < 0.2 and "#" not in line:
            said.append(f"# {len(said)} behind")
            line = f"{line}  {said[-1]}"
        lines.append(line)
    if rng.random() < 0.5:
        said.append(f"# {len(said)} last")
        lines.append(said[-1])
    return "\n".join(lines) + "\n", said


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_no_comment_is_lost_and_none_moves_twice(path: Path, surface: str) -> None:
    for seed in range(8):
        rng = random.Random(seed)
        text, said = _with_comments(path.read_text(encoding="utf-8"), rng)
        file = read_well(text, path.suffix[1:])
        assert len(file.comments) >= len(said)
        printed = format_file(file, surface)
        kept = [f"# {n} {word}" for n, word in re.findall(r"# (\d+) (before|behind|last)", printed)]
        assert sorted(kept) == sorted(said)
        again = read_well(printed, surface)
        assert format_file(again, surface) == printed, f"seed {seed}"


@pytest.mark.parametrize("surface", SURFACES)
def test_a_comment_stays_with_its_construct(surface: str) -> None:
    text = {
        "dlc": """\
# the head
dlc 1

param p = 0.3  # how much to drop

# the network
model Net {
  input x: float[N, 8]  # eight features

  # hidden
  linear(16) -> relu  # wide
  # the answer
  output y = linear(1)
}

loss = mse_loss(y, target)  # squared

# how it is trained
train {
  epochs = 3  # few
}

# the end
""",
        "yaml": """\
# the head
dlc: 1
name: Net  # a network

params:
  p: 0.3  # how much to drop

# what flows in
inputs:
  x: float[N, 8]  # eight features

# the network
layers:
  # hidden
  - linear: 16
  - relu  # wide
  # the answer
  - linear: 1
    output: y

loss: mse_loss(y, target)  # squared

# how it is trained
train:
  epochs: 3  # few

# the end
""",
    }[surface]
    assert format_file(read_well(text, surface), surface) == text


def test_comments_go_along_to_the_other_surface() -> None:
    text = "dlc 1\n\nmodel {\n  # first\n  relu  # bent\n  tanh\n}\n"
    assert format_file(read_well(text, "dlc"), "yaml") == (
        "dlc: 1\n\nlayers:\n  # first\n  - relu  # bent\n  - tanh\n"
    )


# ── layout ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("x=1+2*3", "x = 1 + 2 * 3"),
        ("x = (1+2)*3", "x = (1 + 2) * 3"),
        ("x = 2 ** n", "x = 2**n"),
        ("x = 1/255", "x = 1/255"),
        ("x = 1 / 255", "x = 1 / 255"),
        ("x = 1e-3", "x = 1e-3"),
        ("x = 'it'", 'x = "it"'),
        ("x = f( a , b = 1 , )", "x = f(a, b=1)"),
        ("x={a=1,b=2}", "x { a = 1, b = 2 }"),
        ("x {\n a=1\n\n\n b=2\n}", "x {\n  a = 1\n\n  b = 2\n}"),
        ('x { "a" = 1, "b c" = 2 }', 'x { a = 1, "b c" = 2 }'),
    ],
)
def test_canonical_spelling(written: str, canonical: str) -> None:
    file = read_well(f"dlc 1\n{written}\n", "dlc")
    assert format_file(file, "dlc") == f"dlc 1\n\n{canonical}\n"


def test_a_long_call_gets_a_line_for_each_argument() -> None:
    arguments = ", ".join(f"argument_{i}=value_{i}" for i in range(8))
    text = format_file(read_well(f"dlc 1\nloss = f({arguments})\n", "dlc"), "dlc")
    assert text.splitlines()[2:5] == ["loss = f(", "  argument_0=value_0,", "  argument_1=value_1,"]
    assert max(map(len, text.splitlines())) <= 100


def test_a_long_chain_is_broken_before_an_arrow() -> None:
    links = " -> ".join(["conv2d(64, 3, padding=1)"] * 8)
    text = format_file(read_well(f"dlc 1\nmodel {{\n y = x -> {links}\n}}\n", "dlc"), "dlc")
    assert max(map(len, text.splitlines())) <= 100
    assert sum(line.lstrip().startswith("-> ") for line in text.splitlines()) >= 2


def test_a_path_keeps_its_spelling_on_the_way_to_the_other_surface() -> None:
    text = format_file(read_well("dlc: 1\ndata:\n  source: data/my-faces.csv\n", "yaml"), "dlc")
    assert "source = data/my-faces.csv" in text


def test_a_value_that_braces_would_split_gets_a_line() -> None:
    text = format_file(read_well("dlc 1\ninit { a = uniform(-1, 1), b = zeros }\n", "dlc"), "yaml")
    assert text == "dlc: 1\n\ninit:\n  a: uniform(-1, 1)\n  b: zeros\n"


def test_positional_and_named_arguments_together_become_a_line() -> None:
    text = format_file(read_well("dlc 1\nmodel {\n y = x -> f(1, b=2)\n}\n", "dlc"), "yaml")
    assert text.splitlines()[-1] == "  - y = x -> f(1, b=2)"


@pytest.mark.parametrize(
    "text", ["a: b", "a #b", "#", "a:", "- a", "{a}", "[a", "'", "a\tb", "\u2028"]
)
def test_text_that_yaml_would_misread_is_spelled_otherwise(text: str) -> None:
    quoted = format_expression(tree.Text(text, Source("x", "").span(0)))
    file = read_well(
        f"dlc 1\nx = f({quoted})\ny = {quoted}\nmodel {{\n g({quoted}, b=1)\n}}\n", "dlc"
    )
    assert read_well(format_file(file, "yaml"), "yaml") == file
