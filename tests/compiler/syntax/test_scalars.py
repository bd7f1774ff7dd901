"""What a plain YAML scalar means, against what other readers make of it."""

from __future__ import annotations

import math

import pytest
from reading import read_well

from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse_expression, tree

_WORDS = [
    *("yes", "no", "on", "off", "Yes", "NO", "On", "OFF", "y", "n", "N"),
    *("True", "False", "TRUE", "None", "Null", "NULL", "nan", "NaN"),
]


def _scalar(text: str) -> tree.Expr:
    return read_well(f"dlc: 1\nkey: {text}\n", "yaml").settings[0].value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-12", -12),
        ("9007199254740992", 2**53),
        ("1e-3", 1e-3),
        ("1.0e-3", 1e-3),
        ("1E5", 1e5),
        ("1e5", 1e5),
        ("0.5", 0.5),
        ("-0.5", -0.5),
        ("2.0", 2.0),
        ("inf", math.inf),
        ("-inf", -math.inf),
    ],
)
def test_numbers(text: str, value: float) -> None:
    number = _scalar(text)
    assert isinstance(number, tree.Number)
    assert number.value == value
    assert type(number.value) is type(value)


@pytest.mark.parametrize("text", _WORDS)
def test_words_that_others_read_as_values_are_words(text: str) -> None:
    assert _scalar(text) == tree.Word((text,), Source("x", "").span(0))


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_booleans(text: str, value: bool) -> None:
    boolean = _scalar(text)
    assert isinstance(boolean, tree.Boolean)
    assert boolean.value is value


@pytest.mark.parametrize("text", ["null", ""])
def test_null(text: str) -> None:
    assert isinstance(_scalar(text), tree.Null)


@pytest.mark.parametrize(
    ("text", "code", "meant"),
    [
        ("017", "E0114", "17"),
        ("00", "E0114", "0"),
        ("010.5", "E0114", "10.5"),
        ("0x1F", "E0114", "31"),
        ("0o10", "E0114", "8"),
        ("0b101", "E0114", "5"),
        ("1_000", "E0114", "1000"),
        (".5", "E0114", "0.5"),
        ("5.", "E0114", "5.0"),
        ("1.e3", "E0114", "1.0e3"),
        ("1:30", "E0114", None),
        ("190:20:30", "E0114", None),
        (".inf", "E0114", "inf"),
        ("-.inf", "E0114", "-inf"),
        (".nan", "E0114", None),
        ("1e", "E0114", None),
        ("1.2.3", "E0114", None),
        ("3d", "E0114", None),
        ("1e999", "E0114", None),
        ("9007199254740993", "E0114", None),
        ("1" * 65, "E0110", None),
        ("2001-01-01", "E0114", "1"),
        ("~", "E0102", "null"),
        ("${x}", "E0102", None),
        ("nkd,nd->nk", "E0101", None),
        ("pixel_*", "E0101", None),
        ("a b", "E0101", None),
        ("f(1", "E0103", None),
        ("a < b < c", "E0101", None),
    ],
)
def test_what_is_no_expression_is_kept_as_text_with_its_problem(
    text: str, code: str, meant: str | None
) -> None:
    scalar = _scalar(text)
    assert isinstance(scalar, tree.Unparsed)
    assert scalar.text == text
    assert scalar.span.text == text
    assert scalar.problem.code.number == code
    if meant is not None:
        assert f"`{meant}`" in (scalar.problem.help or "")


@pytest.mark.parametrize("text", ['"1e-3"', "'a: b'", '"x"'])
def test_quoted_scalars_are_text(text: str) -> None:
    assert _scalar(text) == tree.Text(text[1:-1], Source("x", "").span(0))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("0.2 * mse_loss(a, b)", "expr"),
        ("sgd(lr=0.1, nesterov=true)", "expr"),
        ("1..512", "range"),
        ("64..512 step 4", "range"),
        ("float[..., C, 2 * T]", "tensor_type"),
        (" 3 ", "expr"),
    ],
)
def test_an_argument_is_read_whole(text: str, start: str) -> None:
    collector = Collector()
    assert parse_expression(Source("--set", text, "argument"), collector, start) is not None
    assert not collector.sorted()


@pytest.mark.parametrize("text", ["", "  ", "1 +", "f(", "1 2", "a = 3", "$", "1..2", "é", "x\0"])
def test_an_argument_that_cannot_be_read_is_one_finding(text: str) -> None:
    collector = Collector()
    assert parse_expression(Source("--set", text, "argument"), collector) is None
    assert len(collector.sorted()) == 1


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a ** 2", "-(a ** 2)"),
        ("a ** -b ** c", "a ** (-(b ** c))"),
        ("not a == b", "not (a == b)"),
        ("a or b and not c", "a or (b and (not c))"),
        ("a if b else c if d else e", "a if b else (c if d else e)"),
        ("a // b % c @ d", "((a // b) % c) @ d"),
        ("a + b < c * d", "(a + b) < (c * d)"),
    ],
)
def test_operators_bind_as_in_python(text: str, same: str) -> None:
    assert _scalar(text) == _scalar(f"({same})")


def test_a_minus_before_a_number_is_part_of_it() -> None:
    assert _scalar("uniform(-1, 1)") == _scalar("uniform(-(1), 1)")
    first = _scalar("-5 + x")
    assert isinstance(first, tree.Binary)
    assert first.left == tree.Number(-5, first.span)
