"""Errors in `.dlc` text: all of them in one run, each at its place, and a tree in the end."""

from __future__ import annotations

import pytest
from reading import findings, fixed, only, place, read, read_well

from dlc.compiler.syntax import tree

PLANTED = """\
dlc 1
param p 0.3
model Net {
  input x: float[N 3, 32]
  x -> conv2d(6, 5, padding=2
  relu -> -> flatten
  conv2d(16 5)
  dropout(p))
  h = a + -> b
  output = linear(3)
  output z = linear(2)
}
data {
  lr ==
  batch_size = 3,
  source = "abc
}
loss = f(x, $y)
"""


def test_every_planted_error_is_found_on_its_line() -> None:
    _, found = read(PLANTED, "dlc")
    lines = [int(place(finding).split(":")[0]) for finding in found]
    assert lines == [2, 4, 5, 6, 7, 8, 9, 10, 14, 16, 18]


def test_what_was_written_well_is_in_the_tree() -> None:
    file, _ = read(PLANTED, "dlc")
    assert file is not None
    assert file.model is not None
    assert [step.names for step in file.model.body if step.output][-1][0].text == "z"
    assert [entry.key.text for entry in file.settings] == ["data", "loss"]


def test_what_was_put_in_is_missing_in_the_tree() -> None:
    file, _ = read("dlc 1\nloss =\n", "dlc")
    assert file is not None
    assert isinstance(file.settings[0].value, tree.Missing)


@pytest.mark.parametrize(
    ("text", "where", "code", "message"),
    [
        ("param p 0.3", "2:9", "E0101", "missing `=` before `0.3`"),
        ("x = f(1 2)", "2:9", "E0101", "missing `,` before `2`"),
        ("x = f(1, 2", "2:11", "E0103", "missing `)` before the end of the line"),
        ("x = [1, 2\ny = 3", "2:10", "E0103", "missing `]` before the end of the line"),
        ("model M {\n  relu\n", "2:9", "E0103", "`{` is never closed"),
        ("x = 3 +", "2:8", "E0101", "expected a value here, not the end of the file"),
        ("x = )", "2:5", "E0101", "expected a value here, not `)`"),
        ("x = $y", "2:5", "E0102", "a sign that the language does not use: `$`"),
        ('x = "abc', "2:5", "E0103", 'a quote " that is not closed on its line'),
        ("größe = 3", "2:1", "E0116", "`größe` is not a plain name"),
        ("x = 017", "2:5", "E0114", "`017` is not a number that can be read in one way"),
        ("x == 3", "2:3", "E0101", "expected `=` here, not `==`"),
        ("x: 3", "2:2", "E0101", "expected `=` here, not `:`"),
        ("model M {\n a -> -> b\n}", "3:7", "E0101", "expected an op here, not `->`"),
        ("model M {\n output = b\n}", "3:9", "E0101", "expected a name here, not `=`"),
        ("model M {\n if a = b { relu }\n}", "3:7", "E0101", "expected `==` here, not `=`"),
        ("x = 1\nx = 2", "3:1", "E0108", "the key `x` is given twice"),
        ("x { a = 1, a = 2 }", "2:12", "E0108", "the key `a` is given twice"),
        ("model A { relu }\nmodel B { relu }", "3:1", "E0108", "a spec has one model"),
        ('x = "a\\qb"', "2:7", "E0101", "a backslash that begins no known escape"),
    ],
)
def test_one_slip_is_one_report(text: str, where: str, code: str, message: str) -> None:
    finding = only(f"dlc 1\n{text}\n" if not text.endswith("+") else f"dlc 1\n{text}", "dlc")
    assert (place(finding), finding.code.number, finding.message) == (where, code, message)


@pytest.mark.parametrize(
    "text",
    [
        "param p 0.3",
        "x = f(1 2)",
        "x = f(1, 2",
        "x = [1, 2",
        "x == 3",
        "model M {\n if a = b { relu }\n}",
    ],
)
def test_a_fix_mends_the_text(text: str) -> None:
    read_well(fixed(only(f"dlc 1\n{text}\n", "dlc")), "dlc")


def test_a_fix_keeps_a_comment_between() -> None:
    text = "dlc 1\nx = f(1 # one\n  2)\n"
    assert fixed(only(text, "dlc")) == "dlc 1\nx = f(1, # one\n  2)\n"


def test_an_inner_brace_is_blamed_by_its_indentation() -> None:
    text = "dlc 1\nmodel M {\n  repeat 3 {\n    relu\n  output y = linear(3)\n}\nloss = f(y)\n"
    finding = only(text, "dlc")
    assert place(finding) == "3:12"
    file, _ = read(text, "dlc")
    assert file is not None
    assert file.model is not None
    assert len(file.model.body) == 2


def test_a_missing_parenthesis_inside_braces_is_found_before_them() -> None:
    finding = only("dlc 1\nmodel M {\n  repeat 4 { conv2d(3, 4 }\n  relu\n}\n", "dlc")
    assert (place(finding), finding.code.number) == ("3:25", "E0103")


def test_twenty_errors_are_enough() -> None:
    text = "dlc 1\n" + "x = $\n" * 100
    assert len([f for f in findings(text, "dlc") if f[1] == "E0102"]) == 20


def test_the_statements_before_giving_up_are_kept() -> None:
    file, _ = read("dlc 1\nfirst = 1\n" + "".join(f"x{i} = $\n" for i in range(100)), "dlc")
    assert file is not None
    assert file.settings[0].key.text == "first"


@pytest.mark.parametrize(
    "text",
    [
        "negatives = negatives",
        "x = linear(input=3, target=4, if_=1)",
        "schedule = linear(param=model)",
        "rename { from = [q, k, v], concat = 0 }",
        "search { space { dim = choice(1, 2), param.x = 3 } }",
        "x { step = 1, as = 2, repeat = 3 }",
    ],
)
def test_words_of_the_language_are_names_where_they_cannot_be_meant(text: str) -> None:
    read_well(f"dlc 1\n{text}\n", "dlc")


@pytest.mark.parametrize(
    "text",
    [
        "x\n  -> relu\n  # between\n\n  -> tanh",
        "residual {\n relu\n}\n\n# more\nshortcut {\n linear(3)\n}",
        "if a {\n relu\n}\nelse if b { tanh }\nelse { gelu }",
        "x -> linear(\n  3,\n  bias=false,\n)",
        "a +\n  b -> relu",
    ],
)
def test_a_statement_goes_on_where_it_obviously_does(text: str) -> None:
    read_well(f"dlc 1\nmodel M {{\n{text}\n}}\n", "dlc")


def test_a_line_without_an_arrow_begins_a_statement() -> None:
    file = read_well("dlc 1\nmodel M {\n relu\n tanh\n}\n", "dlc")
    assert file.model is not None
    assert len(file.model.body) == 2


def test_windows_line_ends_are_read() -> None:
    text = "dlc 1\r\n# words\r\nmodel M {\r\n  relu\r\n}\r\n"
    assert read_well(text, "dlc").comments[0].text == "# words"


@pytest.mark.parametrize("surface", ["dlc", "yaml"])
def test_the_version_is_required(surface: str) -> None:
    text = "loss = f(x)\n" if surface == "dlc" else "loss: f(x)\n"
    finding = only(text, surface)
    assert finding.code.number == "E0113"
    read_well(fixed(finding), surface)


@pytest.mark.parametrize(("text", "surface"), [("dlc 2\n", "dlc"), ("dlc: 2\n", "yaml")])
def test_another_version_is_refused(text: str, surface: str) -> None:
    assert only(text, surface).code.number == "E0112"
