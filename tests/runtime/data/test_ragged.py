"""Rows of different lengths: kept flat, padded late, filled with what describes them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlc.runtime.data.ragged import Padding, Ragged, fill, longest

ROWS = st.lists(st.lists(st.integers(0, 1000), max_size=7), min_size=1, max_size=12)


@given(rows=ROWS)
def test_rows_come_back_as_they_were(rows: list[list[int]]) -> None:
    found = Ragged.from_rows(rows)
    assert len(found) == len(rows)
    assert [found.row(index).tolist() for index in range(len(rows))] == rows


@given(rows=ROWS, data=st.data())
def test_taken_rows_are_those_rows_in_that_order(
    rows: list[list[int]], data: st.DataObject
) -> None:
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=20))
    found = Ragged.from_rows(rows).take(np.array(places, np.int64))
    assert [found.row(i).tolist() for i in range(len(found))] == [rows[i] for i in places]


@given(rows=ROWS, cut=st.integers(0, 12))
def test_joined_parts_are_the_whole(rows: list[list[int]], cut: int) -> None:
    parts = [Ragged.from_rows(part) for part in (rows[:cut], rows[cut:])]
    whole, joined = Ragged.from_rows(rows), Ragged.joined(parts)
    np.testing.assert_array_equal(joined.values, whole.values)
    np.testing.assert_array_equal(joined.offsets, whole.offsets)


@given(rows=ROWS, more=st.integers(0, 3), value=st.sampled_from([0, -100]))
def test_padding_fills_up_behind_each_row(rows: list[list[int]], more: int, value: int) -> None:
    size = max(map(len, rows)) + more
    padded = Ragged.from_rows(rows).padded(size, value)
    assert padded.dtype == np.int64
    assert padded.tolist() == [row + [value] * (size - len(row)) for row in rows]


def test_no_parts_are_no_rows() -> None:
    assert len(Ragged.joined([])) == 0


def test_a_batch_has_the_length_of_its_longest_row_and_says_what_is_padding() -> None:
    rows = Ragged.from_rows([[5, 6, 7], [], [8]])
    padding = Padding(dim="T", lengths="lengths", mask="padding", segments="segments")
    found = fill({"tokens": rows}, {"tokens": padding})
    assert found["tokens"].tolist() == [[5, 6, 7], [0, 0, 0], [8, 0, 0]]
    # An empty text is one pad: a recurrent layer takes no sequence of length 0.
    assert found["lengths"].tolist() == [3, 1, 1]
    assert found["padding"].tolist() == [[False] * 3, [True] * 3, [False, True, True]]
    assert found["segments"].tolist() == [[0] * 3] * 3
    assert {array.dtype.name for array in found.values()} == {"int64", "bool"}


def test_rows_of_nothing_but_empty_texts_are_one_pad_each() -> None:
    found = fill({"tokens": Ragged.from_rows([[], []])}, {"tokens": Padding(mask="padding")})
    assert found["tokens"].tolist() == [[0], [0]]
    assert found["padding"].tolist() == [[True], [True]]


def test_columns_that_share_a_size_are_padded_alike_and_others_are_not() -> None:
    lengths = {"a": np.array([2, 3]), "b": np.array([5, 1]), "c": np.array([1, 1])}
    paddings = {"a": Padding(dim="T"), "b": Padding(dim="T"), "c": Padding(dim="S", least=4)}
    assert longest(lengths, paddings) == {"a": 5, "b": 5, "c": 4}


def test_segments_of_their_own_are_kept() -> None:
    columns = {"tokens": Ragged.from_rows([[7, 8]]), "kind": Ragged.from_rows([[0, 1]])}
    paddings = {"tokens": Padding(dim="T", segments="kind"), "kind": Padding(dim="T")}
    assert fill(columns, paddings)["kind"].tolist() == [[0, 1]]
