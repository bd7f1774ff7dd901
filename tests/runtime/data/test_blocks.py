from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlc.runtime.data import blocks
from dlc.runtime.data.blocks import Blocks, shuffled, stretches
from dlc.runtime.seeding import keys, permutation, stream

sizes = st.lists(st.integers(0, 9), min_size=1, max_size=40)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_WINDOW_BYTES", 80)
    monkeypatch.setattr(blocks, "_MOST_BYTES", 200)


def of(lengths: list[int], row_bytes: int = 8) -> Blocks:
    return Blocks(np.cumsum([0, *lengths]), row_bytes)


@given(lengths=sizes, seed=st.integers(0, 5), epoch=st.integers(0, 5), every=st.integers(1, 3))
@settings(deadline=None)
def test_an_order_holds_every_row_once_and_is_cut_where_no_block_is_torn(
    lengths: list[int], seed: int, epoch: int, every: int
) -> None:
    found = of(lengths)
    rows = np.arange(0, sum(lengths), every)
    order = shuffled(rows, found, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), rows)
    np.testing.assert_array_equal(order, shuffled(rows, found, seed, epoch))
    cuts = stretches(order, found)
    assert [start for start, _ in cuts] == [0, *(stop for _, stop in cuts)][: len(cuts)]
    assert not cuts or cuts[-1][1] == len(order)
    held = [set(found.of(order[start:stop]).tolist()) for start, stop in cuts]
    for first, second in pairwise(held):
        assert not first & second
    assert sum(map(len, held)) == len(set().union(*held))
    # A block more than the bound, where there are not yet four of them.
    assert all((stop - start) * found.row_bytes <= 200 for start, stop in cuts)


def test_rows_of_different_blocks_meet_and_blocks_are_shuffled() -> None:
    found = of([5] * 40)
    order = shuffled(np.arange(200), found, 0, 0)
    first = found.of(order[:20])
    assert len(set(first.tolist())) == 4
    assert set(first.tolist()) != {0, 1, 2, 3}
    assert (np.diff(first) != 0).sum() > 5
    other = shuffled(np.arange(200), found, 0, 1)
    assert set(found.of(other[:20]).tolist()) != set(first.tolist())


def test_an_order_is_sorted_by_window_and_draw() -> None:
    found = of([3, 9, 1, 0, 7, 7, 7, 7, 2, 9, 9, 9])
    rows = np.array([*range(0, 70, 2), 4, 4, 10])
    block_of = np.searchsorted(found.starts, rows, side="right") - 1
    present, counts = np.unique(block_of, return_counts=True)
    drawn = permutation(len(present), 3, "blocks", 5)
    windows = dict(zip(present[drawn], found.windows(present[drawn], counts[drawn]), strict=True))
    assert len(set(windows.values())) > 2
    window = [windows[block] for block in block_of]
    draw = keys(stream(3, "order", 5), len(rows))
    np.testing.assert_array_equal(shuffled(rows, found, 3, 5), rows[np.lexsort((draw, window))])


def test_rows_that_fit_one_window_are_shuffled_as_if_there_were_no_blocks() -> None:
    rows = np.arange(3, 13)
    expected = rows[permutation(10, 7, "order", 2)]
    np.testing.assert_array_equal(shuffled(rows, None, 7, 2), expected)
    np.testing.assert_array_equal(shuffled(rows, of([4, 4, 5]), 7, 2), expected)


def test_a_row_that_is_drawn_twice_needs_its_block_once() -> None:
    found = of([5] * 40)
    rows = np.repeat(np.arange(200), 2)
    order = shuffled(rows, found, 0, 0)
    np.testing.assert_array_equal(np.sort(order), rows)
    assert len(stretches(order, found)) > 5


def test_rows_in_order_are_read_in_stretches_of_a_window() -> None:
    cuts = stretches(np.arange(200), of([5] * 40))
    assert cuts == [(start, start + 10) for start in range(0, 200, 10)]


def test_the_last_samples_may_stand_before_the_first() -> None:
    found = of([5] * 40)
    order = shuffled(np.arange(200), found, 0, 0)
    plain = stretches(order, found)
    wide = stretches(np.concatenate((order[-2:], order)), found)
    assert wide == [(0, 2), *((start + 2, stop + 2) for start, stop in plain)]
