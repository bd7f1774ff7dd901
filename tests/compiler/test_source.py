"""Places in a text: offsets, lines, columns, there and back."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler.source import Location, Source

TEXTS = st.text(st.sampled_from("ab\n\r\té名\U0001f600"), max_size=60)


@given(text=TEXTS, data=st.data())
def test_a_place_is_found_again_from_its_line_and_column(text: str, data: st.DataObject) -> None:
    source = Source("x", text)
    offset = data.draw(st.integers(0, len(text)))
    line, column = source.location(offset)
    assert source.offset(line, column) == offset
    assert line == text.count("\n", 0, offset) + 1
    assert column == offset - (text.rfind("\n", 0, offset) + 1) + 1
    assert 1 <= line <= source.line_count


@given(text=TEXTS)
def test_the_lines_are_the_text(text: str) -> None:
    source = Source("x", text)
    lines = [source.line(n) for n in range(1, source.line_count + 1)]
    assert lines == [line.rstrip("\r") for line in text.split("\n")]
    assert source.line(0) == source.line(source.line_count + 1) == ""


def test_places_outside_are_brought_to_the_ends() -> None:
    source = Source("x", "ab\ncd")
    assert source.location(-5) == Location(1, 1)
    assert source.location(99) == Location(2, 3)
    assert source.offset(9, 1) == 5
    assert str(source.span(3)) == "x:2:1"


def test_a_span_goes_to_the_further_end() -> None:
    source = Source("x", "abcdef")
    assert source.span(1, 2).to(source.span(4, 5)) == source.span(1, 5)
    assert source.span(1, 5).to(source.span(2, 3)) == source.span(1, 5)
    assert source.span(1, 3).text == "bc"


def test_the_line_table_of_eight_megabytes_is_made_at_once() -> None:
    started = time.perf_counter()
    assert Source("x", "x" * 8_000_000).location(7_999_999) == Location(1, 8_000_000)
    assert time.perf_counter() - started < 2
