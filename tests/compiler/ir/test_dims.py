"""Sizes: one form for what is equal, three answers, and numbers put in at any time."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from dlc.compiler.ir.dims import (
    INFINITY,
    Answer,
    Dim,
    DimError,
    Poly,
    bounds,
    compare,
    product,
    render,
    substitute,
    symbol,
    symbols,
)

N, T, H = symbol("N"), symbol("T"), symbol("H")

_NAMES = ("H", "N", "T")
_VALUES = st.fixed_dictionaries({name: st.integers(1, 60) for name in _NAMES})


def _short(compute: Callable[[Dim, Dim], Dim], a: Dim, b: Dim) -> Dim:
    """The result, unless it has more parts than a size may have."""
    try:
        return compute(a, b)
    except DimError:
        reject()


def _grow(smaller: st.SearchStrategy[Dim]) -> st.SearchStrategy[Dim]:
    pairs = st.tuples(smaller, smaller)
    operators: list[Callable[[Dim, Dim], Dim]] = [operator.add, operator.sub, operator.mul]
    joined = st.tuples(st.sampled_from(operators), pairs).map(lambda d: _short(d[0], *d[1]))
    divided = st.tuples(smaller, st.integers(1, 7)).map(lambda d: d[0] // d[1])
    return st.one_of(joined, divided)


def sizes() -> st.SearchStrategy[Dim]:
    leaves: st.SearchStrategy[Dim] = st.one_of(
        st.integers(-9, 9), st.sampled_from([symbol(name) for name in _NAMES])
    )
    return st.recursive(leaves, _grow, max_leaves=6)


class TestForm:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (N + T, T + N),
            (2 * (N + 1), 2 * N + 2),
            ((N + 1) * (N - 1), N * N - 1),
            ((4 * N) // 2, 2 * N),
            ((4 * N + 3) // 2, 2 * N + 1),
            ((N // 2) // 3, N // 6),
            ((N // 2 + 1) // 3, (N + 2) // 6),
            ((H - 1) // 2 + 1, (H + 1) // 2),
            ((((H + 1) // 2) + 1) // 2, (H + 3) // 4),
            ((N * T) // T, N),
            ((6 * N * T) // (2 * T), 3 * N),
        ],
    )
    def test_equal_sizes_have_one_form(self, one: Dim, other: Dim) -> None:
        assert one == other
        assert hash(one) == hash(other)
        assert compare(one, other) is Answer.EQUAL

    def test_a_constant_is_an_int(self) -> None:
        assert N - N == 0
        assert isinstance(N - N + 3, int)
        assert isinstance((2 * N + 5) - 2 * N, int)

    @pytest.mark.parametrize(
        ("size", "text"),
        [
            (2 * N + 1, "2*N + 1"),
            (N * T - 3, "N*T - 3"),
            (-N, "-N"),
            ((H + 1) // 2, "(H + 1)//2"),
            (16 * (H // 4), "16*(H//4)"),
        ],
    )
    def test_the_text_is_short(self, size: Dim, text: str) -> None:
        assert str(size) == text

    @settings(max_examples=300)
    @given(size=sizes(), values=_VALUES)
    def test_the_rendered_text_computes_the_size(self, size: Dim, values: dict[str, int]) -> None:
        assert eval(render(size), {}, dict(values)) == substitute(size, dict(values))

    @pytest.mark.parametrize("divisor", [0, -2])
    def test_division_is_by_positive_numbers(self, divisor: int) -> None:
        with pytest.raises(DimError):
            N // divisor

    def test_division_by_a_size_must_come_out_even(self) -> None:
        with pytest.raises(DimError):
            (N + 1) // T
        with pytest.raises(DimError):
            (3 * N) // (2 * N)
        with pytest.raises(DimError):
            12 // N


class TestNumbersPutIn:
    """Computing with names and then putting numbers in is computing with numbers."""

    @settings(max_examples=300)
    @given(a=sizes(), b=sizes(), divisor=st.integers(1, 9), values=_VALUES)
    def test_substitution_commutes_with_every_operator(
        self, a: Dim, b: Dim, divisor: int, values: dict[str, int]
    ) -> None:
        m, n = substitute(a, dict(values)), substitute(b, dict(values))
        assert substitute(a + b, dict(values)) == m + n
        assert substitute(a - b, dict(values)) == m - n
        assert substitute(_short(operator.mul, a, b), dict(values)) == m * n
        assert substitute(-a, dict(values)) == -m
        assert substitute(a // divisor, dict(values)) == m // divisor
        assert substitute(a % divisor, dict(values)) == m % divisor

    def test_two_quotients_under_one_bar_both_count(self) -> None:
        halves = (N // 2 + T // 3) // 2
        assert substitute(halves, {"N": 31, "T": 3}) == (15 + 1) // 2

    @settings(max_examples=200)
    @given(size=sizes(), values=_VALUES)
    def test_one_symbol_at_a_time_gives_the_same(self, size: Dim, values: dict[str, int]) -> None:
        stepwise = size
        for name, value in values.items():
            stepwise = substitute(stepwise, {name: value})
        assert stepwise == substitute(size, dict(values))

    @settings(max_examples=200)
    @given(size=sizes(), inner=sizes(), values=_VALUES)
    def test_a_size_may_stand_for_a_symbol(
        self, size: Dim, inner: Dim, values: dict[str, int]
    ) -> None:
        replaced = _short(lambda size, inner: substitute(size, {"N": inner}), size, inner)
        direct = substitute(size, {**values, "N": substitute(inner, dict(values))})
        assert substitute(replaced, dict(values)) == direct

    @given(size=sizes())
    def test_only_symbols_that_count_are_named(self, size: Dim) -> None:
        for name in set(_NAMES) - set(symbols(size)):
            assert substitute(size, {name: 17}) == size

    def test_product_of_nothing_is_one(self) -> None:
        assert product([]) == 1
        assert product([2, N, 3]) == 6 * N


class TestAnswers:
    @pytest.mark.parametrize(
        ("a", "b", "answer"),
        [
            (3, 3, Answer.EQUAL),
            (3, 4, Answer.DIFFERENT),
            (N, N, Answer.EQUAL),
            (N, N + 1, Answer.DIFFERENT),
            (2 * N, 2 * N + 1, Answer.DIFFERENT),
            (N, 0, Answer.DIFFERENT),
            (N, T, Answer.UNKNOWN),
            (N, 5, Answer.UNKNOWN),
            (4 * (H // 4), H, Answer.UNKNOWN),
            (symbol("T", 1, 512), 513, Answer.DIFFERENT),
            (symbol("T", 1, 512), 512, Answer.UNKNOWN),
            (symbol("T", 8, 8) + symbol("S", 1, 3), 12, Answer.DIFFERENT),
            (N * T, N * T + N, Answer.DIFFERENT),
        ],
    )
    def test_equal_different_or_unknown(self, a: Dim, b: Dim, answer: Answer) -> None:
        assert compare(a, b) is answer
        assert compare(b, a) is answer

    @settings(max_examples=300)
    @given(a=sizes(), b=sizes(), values=_VALUES)
    def test_an_answer_holds_for_every_number(self, a: Dim, b: Dim, values: dict[str, int]) -> None:
        answer = compare(a, b)
        same = substitute(a, dict(values)) == substitute(b, dict(values))
        if answer is Answer.EQUAL:
            assert same
        if answer is Answer.DIFFERENT:
            assert not same

    @settings(max_examples=300)
    @given(size=sizes(), values=_VALUES)
    def test_bounds_hold_every_value(self, size: Dim, values: dict[str, int]) -> None:
        assume(isinstance(size, Poly))
        low, high = bounds(size)
        value = substitute(size, dict(values))
        assert isinstance(value, int)
        assert low <= value <= high

    def test_bounds_follow_the_declared_range(self) -> None:
        t = symbol("T", 4, 512)
        assert bounds(t) == (4, 512)
        assert bounds(2 * t - 1) == (7, 1023)
        assert bounds((t + 1) // 2) == (2, 256)
        assert bounds(N) == (1, INFINITY)

    @given(
        sides=st.lists(
            st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3)),
            min_size=1,
            max_size=4,
        )
    )
    def test_convolutions_in_a_row_that_agree_everywhere_have_one_form(
        self, sides: list[tuple[int, int, int]]
    ) -> None:
        """Each step is written in two ways."""
        one: Dim = symbol("H", 64)
        other: Dim = symbol("H", 64)
        for kernel, stride, padding in sides:
            one = (one + 2 * padding - kernel) // stride + 1
            other = (other + 2 * padding - kernel + stride) // stride
        assert one == other
