"""Expressions: what they compute, and the bounds that no text can pass."""

from __future__ import annotations

import time

import pytest
from checking import check_net, check_yaml, compiled, only, type_of, underlined

from dlc.compiler import Result


def width(expression: str, **more: str) -> Result:
    """A spec whose only layer is as wide as the expression says."""
    return check_net(f"output y = linear({expression})", **more)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2 ** 3 ** 2", 512),
        ("7 // 2", 3),
        ("-7 // 2 + 10", 6),
        ("7 % 4", 3),
        ("- -5", 5),
        ("8 if 1 < 2 else 1 // 0", 8),
        ("1 if false else 2 if false else 3", 3),
        ("4 if not false and (true or 1 // 0 == 1) else 5", 4),
        ("5 if false and 1 // 0 == 1 else 6", 6),
        ("width * 2", 6),
        ("N // N", 1),
        ("2 * H // H", 2),
        ("3 if 1 == 1.0 else 4", 3),
        ("3 if true == 1 else 4", 4),
    ],
)
def test_an_expression_computes_as_in_python(expression: str, value: int) -> None:
    result = width(expression, inputs="x: float[N, H, 8]", head="param width = 3")
    assert type_of(result, "y") == f"float[N, H, {value}]"


HOSTILE = {
    "9**9**9": "9**9",
    "2**65": "65",
    "2**-65": "-65",
    "2**53 + 1": "2**53 + 1",
    "2**32 * 2**32": "2**32 * 2**32",
    "1 // 0": "1 // 0",
    "1 % 0": "1 % 0",
    "1 / 0": "1 / 0",
    "0 ** -1": "0 ** -1",
    "1e308 * 10": "1e308 * 10",
    "2.0 ** 64 ** 1e9": "1e9",
    "inf - inf": "inf - inf",
    "inf // 1": "inf // 1",
    "(-8) ** 0.5": "(-8) ** 0.5",
    "'a' * 1000000000": "'a'",
    "[0] * 1000000000": "[0]",
    "true + 1": "true",
    "1 @ 2": "1 @ 2",
    "7 % N": "7 % N",
    "7 // N": "7 // N",
    "N / 2": "N / 2",
    "N * 0.5": "N * 0.5",
    "N ** 9": "9",
    "2 ** N": "N",
    "N // 0": "N // 0",
    "N // -2": "N // -2",
    "N < 0.5": "N < 0.5",
    "((N + H + 1) ** 4) ** 4": "((N + H + 1) ** 4) ** 4",
}


@pytest.mark.parametrize("expression", HOSTILE)
def test_a_hostile_expression_is_refused_at_its_place(expression: str) -> None:
    started = time.process_time()
    found = only(width(expression, inputs="x: float[N, H, 8]"))
    assert time.process_time() - started < 10
    assert found.code.number == "E0307", found.message
    assert underlined(found) == HOSTILE[expression]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ('__import__("os")', "E0301"),
        ("relu(3)", "E0301"),
        ("().__class__", "E0101"),
        ("a.__class__.__base__", "E0202"),
        ("lambda: 0", "E0303"),
        ("[3][0]", "E0101"),
        ("...", "E0301"),
        ("null", "E0301"),
        ("{a = 1}", "E0301"),
        ("not 3", "E0301"),
        ("3 if 2 else 4", "E0301"),
        ("1 < 2", "E0301"),
        ("9" * 65, "E0110"),
        ("0x1F", "E0114"),
        ("1_000", "E0114"),
        ("017", "E0114"),
    ],
)
def test_what_is_no_number_is_refused_by_its_kind(expression: str, code: str) -> None:
    result = width(expression)
    assert result.diagnostics[0].code.number == code


@pytest.mark.parametrize(
    "expression",
    ["1" + " + 1" * 100_000, "(" * 100_000, "-" * 100_000 + "1", "[" * 100_000, "f(" * 100_000],
    ids=["sum", "parentheses", "signs", "lists", "calls"],
)
def test_a_long_or_deep_expression_is_refused(expression: str) -> None:
    for result in (
        width(expression),
        check_yaml(f"dlc: 1\nparams: {{}}\nloss: {expression}\n"),
        check_net("output y = relu", sets=[f"train.epochs={expression}"]),
    ):
        assert {d.code.number for d in result.diagnostics} & {"E0110", "E0103", "E0101", "E0105"}


@pytest.mark.parametrize(
    "expression",
    [
        " + ".join(["1"] * 190),
        " ".join(["-"] * 190) + " 1",
        "**".join(["1"] * 190),
        " if true else ".join(["1"] * 120),
        "1 if " + " and ".join(["true"] * 190) + " else 2",
        "1 if " + "not " * 190 + "true else 2",
        "(" * 30 + "1" + ")" * 30,
    ],
    ids=["sum", "signs", "powers", "choices", "conjunction", "negation", "parentheses"],
)
def test_the_longest_allowed_expression_works_from_deep_in_a_stack(expression: str) -> None:
    def deeper(levels: int) -> Result:
        if levels:
            return deeper(levels - 1)
        return width(f"7 + ({expression}) * 0")

    compilation = compiled(deeper(100))
    assert compilation.digest
    again = check_yaml(compilation.canonical)
    assert again.spec == compilation.spec


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("N > 0", "relu"),
        ("N + 1 != N", "relu"),
        ("N == N", "relu"),
        ("2 * N == N + N", "relu"),
        ("T <= 512", "relu"),
        ("T > 512", "tanh"),
        ("T + 1 == T", "tanh"),
        ("T == 513", "tanh"),
        ("T // 2 <= 256", "relu"),
    ],
)
def test_a_comparison_of_sizes_that_always_goes_one_way_is_decided(
    condition: str, taken: str
) -> None:
    result = check_net(
        f"if {condition} {{ relu }} else {{ tanh }}; output y = linear(1)",
        inputs="x: float[N, T, 4]",
        head="dim T = 1..512",
    )
    assert compiled(result).program.graph.nodes[0].kind == taken


@pytest.mark.parametrize("condition", ["N == 3", "T < 512", "T != N", "N > 1", "T // 2 == 4"])
def test_a_comparison_that_may_go_either_way_is_an_error(condition: str) -> None:
    found = only(
        check_net(
            f"if {condition} {{ relu }}; output y = relu",
            inputs="x: float[N, T, 4]",
            head="dim T = 1..512",
        )
    )
    assert found.code.number == "E0407"
    assert underlined(found) == condition
