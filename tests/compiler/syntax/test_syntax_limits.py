"""Hostile texts get a diagnostic, in time that grows with their length and no faster."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from reading import findings, read, read_well

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse
from dlc.compiler.syntax.format import format_file
from dlc.compiler.syntax.limits import MAX_DEPTH, MAX_EXPRESSION_HEIGHT, MAX_SIZE
from dlc.compiler.syntax.table import load

MEGABYTE = 1_000_000
# Generous: a guard against what never ends, not a measurement.
PATIENCE = 20.0


def _codes(text: str, surface: str) -> set[str]:
    begun = time.monotonic()
    codes = {code for _, code in findings(text, surface)}
    assert time.monotonic() - begun < PATIENCE
    return codes


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "[{", "{? ", "- - "])
def test_a_megabyte_of_nesting_is_refused_in_a_child_process(piece: str) -> None:
    # The C loader's `compose` dies of it: were we to call that, so would the child.
    program = (
        "from dlc.compiler.diagnostics.model import Collector\n"
        "from dlc.compiler.source import Source\n"
        "from dlc.compiler.syntax import parse\n"
        "found = Collector()\n"
        f"parse(Source('x', {piece!r} * ({MEGABYTE} // {len(piece)})), found)\n"
        "last = found.sorted()[-1]\n"
        "print(last.code, last.primary.span.location.line)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "E0110 1\n"), done.stderr


@pytest.mark.parametrize("piece", ["[", "{", "(", "x {\n", "f(", "model M {\nrepeat 2 {\n"])
def test_a_megabyte_of_brackets_is_refused(piece: str) -> None:
    assert "E0110" in _codes(f"dlc 1\nx = {piece * (MEGABYTE // len(piece))}", "dlc")


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("1" + "+1" * 100_000, id="sum"),
        pytest.param("2**" * 100_000 + "1", id="power"),
        pytest.param("not " * 100_000 + "a", id="not"),
        pytest.param("-" * 100_000 + "1", id="minus"),
        pytest.param("1 if a else " * 30_000 + "1", id="conditional"),
        pytest.param("a" + ".b" * 100_000, id="dots"),
        pytest.param("(" * 33 + "1" + ")" * 33, id="parentheses"),
    ],
)
def test_an_expression_past_the_limit_is_refused_in_both_surfaces(expression: str) -> None:
    assert _codes(f"dlc 1\nx = {expression}\n", "dlc") == {"E0110"}
    assert _codes(f"dlc: 1\nlayers:\n  - from: {expression}\n    relu:\n", "yaml") == {"E0110"}


def test_an_expression_at_the_limit_is_read() -> None:
    terms = "+".join(["x"] * MAX_EXPRESSION_HEIGHT)
    file = read_well(f"dlc 1\nx = {terms}\n", "dlc")
    assert file == read_well(f"dlc 1\nx = {terms}\n", "dlc")
    assert repr(file)
    assert format_file(file, "yaml")


def test_a_list_may_be_long() -> None:
    read_well("dlc 1\nx = [" + ", ".join(["0.1"] * 5_000) + "]\n", "dlc")


def test_nesting_at_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    body = "repeat 2 { " * depth + "relu" + " }" * depth
    read_well(f"dlc 1\nmodel {{ {body} }}\n", "dlc")
    assert _codes(f"dlc 1\nmodel {{ repeat 2 {{ {body} }} }}\n", "dlc") == {"E0110"}


def test_branches_nest_no_deeper_than_braces() -> None:
    ladder = "if a { relu } else " * 5_000 + "{ relu }"
    assert _codes(f"dlc 1\nmodel {{ {ladder} }}\n", "dlc") == {"E0110"}


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        pytest.param("dlc 1\n" + "}" * 100_000, "dlc", id="braces"),
        pytest.param("dlc 1\nmodel M { " + "-> " * 100_000 + "}", "dlc", id="arrows"),
        pytest.param("dlc 1\n" + "[] " * 100_000 + "[", "dlc", id="unbalanced"),
        pytest.param("dlc 1\n" + "$" * 100_000, "dlc", id="signs"),
        pytest.param("dlc 1\nx = '" + "\\'" * 100_000, "dlc", id="quote"),
        pytest.param("dlc 1\nx = f(\n" + "\n" * 100_000, "dlc", id="blank lines"),
        pytest.param("dlc 1\n" + "x ' [\n" * 20_000, "dlc", id="quotes"),
        pytest.param("dlc 1\nmodel {\n" + "x -> (\n" * 20_000, "dlc", id="openers"),
        pytest.param("dlc: 1\nlayers:\n  - x: " + "[" * 100_000, "yaml", id="yaml openers"),
        pytest.param(
            "dlc: 1\n" + "".join(f"a{i}: &x 1\n" for i in range(10_000)), "yaml", id="anchors"
        ),
        pytest.param("dlc: 1\nlayers: [" + "f(, " * 5_000 + "]", "yaml", id="split calls"),
    ],
)
def test_many_errors_take_bounded_time(text: str, surface: str) -> None:
    assert _codes(text, surface)


@pytest.mark.parametrize("terminal", sorted(load().patterns))
def test_every_terminal_is_linear(terminal: str) -> None:
    # Each starts the terminal and never ends it well.
    starts = {"STRING": '"\\\\', "NUMBER": "1e", "COMMENT": "#", "COMPARISON": "<", "NAME": "a_"}
    text = (starts.get(terminal, " ") * 100_000)[:100_000]
    begun = time.monotonic()
    load().scanner.match(text + "\x00")
    assert time.monotonic() - begun < 1.0


def test_a_long_name_and_a_long_number_are_refused() -> None:
    assert _codes("dlc 1\nx = " + "a" * 65 + "\n", "dlc") == {"E0116"}
    assert _codes("dlc 1\nx = " + "9" * MEGABYTE + "\n", "dlc") == {"E0110"}
    assert _codes("dlc: 1\nlayers:\n  - linear(" + "a" * 65 + ")\n", "yaml") == {"E0116"}


def test_a_text_past_the_size_limit_is_not_looked_at() -> None:
    file, found = read(" " * (MAX_SIZE + 1), "dlc")
    assert file is None
    assert [finding.code.number for finding in found] == ["E0110"]


@pytest.mark.parametrize(
    "sign", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ufffe", "\ud800", "\ufeff"]
)
@pytest.mark.parametrize("surface", ["dlc", "yaml"])
def test_hidden_characters_are_refused(sign: str, surface: str) -> None:
    text = f'dlc 1\nx = "{sign}"\n' if surface == "dlc" else f'dlc: 1\nx: "{sign}"\n'
    assert [code for _, code in findings(text, surface)] == ["E0111"]


def test_an_alias_bomb_is_refused_where_it_stands() -> None:
    layers = "\n".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 9))
    text = f"dlc: 1\nb0: &b0 [x]\n{layers}\n"
    assert _codes(text, "yaml") == {"E0109"}


def test_a_cyclic_alias_is_refused() -> None:
    assert _codes("dlc: 1\na: &a [*a]\n", "yaml") == {"E0109"}


@pytest.mark.parametrize("surface", ["dlc", "yaml"])
def test_parsing_grows_with_the_text(surface: str) -> None:
    def seconds(count: int) -> float:
        if surface == "yaml":
            text = "dlc: 1\nlayers:\n" + "  - linear: {out_features: 4 * dim}\n" * count
        else:
            text = "dlc 1\nmodel {\n" + "  linear(4 * dim, bias=false)\n" * count + "}\n"
        collector = Collector()
        begun = time.process_time()
        parse(Source("x", text, surface), collector)
        assert not collector.sorted()
        return time.process_time() - begun

    seconds(100)
    small, large = min(seconds(500) for _ in range(3)), min(seconds(4_000) for _ in range(3))
    # Eight times the text; quadratic growth would be sixty-four.
    assert large < 32 * small
