"""`dlc explain`: pages of codes, lints and components, as text and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlc.compiler.cli.main import main
from dlc.compiler.components.registry import PACKAGES, names
from dlc.compiler.diagnostics.catalog import CODES

COMPONENTS = [f"{kind}:{name}" for kind in PACKAGES for name in names(kind)]


def explained(capsys: pytest.CaptureFixture[str], word: str) -> dict[str, Any]:
    assert main(["explain", word, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert not err
    document: dict[str, Any] = json.loads(out)
    assert document["command"] == "explain"
    return document


@pytest.mark.parametrize("word", ["E0402", "e0402", "shape-mismatch", "shape_mismatch"])
def test_a_code_is_explained_by_number_and_name(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = explained(capsys, word)
    assert document["code"] == "E0402"
    assert document["page"].startswith("Two shapes that must agree do not.")
    assert main(["explain", word]) == 0
    text = capsys.readouterr().out
    assert text.startswith("error[E0402]: shape-mismatch\n\nTwo shapes")
    assert "```" not in text
    assert "\n    dlc 1\n" in text


def test_a_lint_is_explained_by_the_name_that_allows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "unused-value"]) == 0
    assert capsys.readouterr().out.startswith("warning[W0101]: unused-value\n")


def test_a_name_of_several_kinds_shows_all_and_a_kind_shows_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = [c["kind"] for c in explained(capsys, "linear")["components"]]
    assert kinds == ["op", "schedule"]
    kinds = [c["kind"] for c in explained(capsys, "schedule:linear")["components"]]
    assert kinds == ["schedule"]


def test_the_table_of_arguments_has_types_defaults_and_meanings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [conv2d] = explained(capsys, "op:conv2d")["components"]
    table = {a["name"]: a for a in conv2d["arguments"]}
    assert table["out_channels"]["required"]
    assert "default" not in table["out_channels"]
    assert table["stride"]["default"] == 1
    assert all(a["doc"] and a["type"] for a in conv2d["arguments"])
    assert main(["explain", "conv2d"]) == 0
    text = capsys.readouterr().out
    assert "  out_channels       a whole number of at least 1, required\n" in text
    assert "  init=  " in text, "a keyword that has no place is written as one"


def test_further_inputs_of_a_layer_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "multihead_attention"]) == 0
    text = capsys.readouterr().out
    assert "\nInputs:\n" in text
    assert "  key_padding_mask=  " in text


@pytest.mark.parametrize("word", [*COMPONENTS, *CODES])
def test_every_page_prints_within_a_wide_terminal(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", word]) == 0
    text = capsys.readouterr().out
    assert "dataclass" not in text
    assert "<" not in text.partition("\n")[0]
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("Dense", "`Dense` is `linear` here"),
        ("glorot_uniform", "`glorot_uniform` is `xavier_uniform` here"),
        ("lineer", "there is an op with a similar name: `linear`"),
        ("op:lineer", "there is an op with a similar name: `linear`"),
        ("shedule:linear", "there is a kind with a similar name: `schedule`"),
        ("zzzzzz:linear", "the kinds are `op`"),
        ("unused-valeu", "there is a code with a similar name: `unused-value`"),
        ("zzzzzzzz", "`dlc ops` lists every component"),
        ("op:../../etc", "`dlc ops --kind op` lists them"),
        ("", "`dlc ops` lists every component"),
    ],
)
def test_what_is_unknown_gets_advice_and_status_2(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", word]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
