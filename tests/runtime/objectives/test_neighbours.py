"""Words with their neighbours, against the loops that word2vec is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure
from dlc.runtime.objectives._neighbours import (
    Block,
    Corpus,
    Epoch,
    Found,
    bags,
    blocks,
    epoch_key,
    keep_shares,
    pairs,
)
from dlc.runtime.seeding import mixed

WINDOW = 4
RNG = np.random.default_rng(5)
TEXTS = [RNG.integers(2, 12, RNG.integers(0, 30)).tolist() for _ in range(60)]


def corpus(subsample: float = 0.0) -> Corpus:
    texts = Ragged.from_rows(TEXTS)
    counts = np.bincount(texts.values, minlength=12)
    counts[3] = 0  # a piece that is no word
    return Corpus(texts=texts, keep=keep_shares(counts, subsample), window=WINDOW)


def drawn_texts(given: Corpus, key: int) -> list[list[tuple[int, int]]]:
    """Of each text the words that stay, with their reach, one by one."""
    found, place = [], 0
    for text in TEXTS:
        row = []
        for word in text:
            number = int(mixed(key, np.array([place]))[0])
            place += 1
            if (number >> 32) < given.keep[word] * 2**32:
                row.append((word, 1 + (((number & 0xFFFFFFFF) * WINDOW) >> 32)))
        found.append(row)
    return found


@pytest.mark.parametrize("subsample", [0.0, 0.05])
def test_pairs_are_those_of_the_loops(subsample: float) -> None:
    given, key = corpus(subsample), epoch_key(1, 0)
    wanted = sorted(
        (word, text[j][0], row)
        for row, text in enumerate(drawn_texts(given, key))
        for i, (word, reach) in enumerate(text)
        for j in range(max(0, i - reach), min(len(text), i + reach + 1))
        if j != i
    )
    epoch = Epoch(given, np.arange(len(TEXTS)), key=key, shuffle=True, find=pairs)
    found = epoch.samples(0, epoch.count())
    assert sorted(zip(found.given, found.true, found.rows, strict=True)) == wanted
    assert len(wanted) > 500


@pytest.mark.parametrize("subsample", [0.0, 0.05])
def test_bags_are_those_of_the_loops(subsample: float) -> None:
    given, key = corpus(subsample), epoch_key(1, 0)
    wanted = []
    for text in drawn_texts(given, key):
        for i, (word, reach) in enumerate(text):
            near = [text[j][0] for j in range(max(0, i - reach), min(len(text), i + reach + 1))]
            near.remove(word)
            if near:
                wanted.append((word, sorted(near)))
    epoch = Epoch(given, np.arange(len(TEXTS)), key=key, shuffle=False, find=bags)
    found = epoch.samples(0, epoch.count())
    rows = [sorted(int(w) for w in row if w) for row in found.given]
    assert list(zip(found.true.tolist(), rows, strict=True)) == wanted


def test_words_that_are_none_never_come_up() -> None:
    for find in (pairs, bags):
        found = Epoch(corpus(), np.arange(60), key=7, shuffle=True, find=find).samples(0, 400)
        assert 3 not in found.true
        assert not (found.given == 3).any()


def test_the_reach_of_a_word_is_even() -> None:
    texts = Ragged.from_rows([[2] * 9_000] * 2)
    given = Corpus(texts=texts, keep=np.ones(3), window=WINDOW)
    (block,) = blocks(given, np.arange(2), epoch_key(0, 0))
    counts = np.bincount(block.reach, minlength=WINDOW + 1)
    assert counts[0] == 0
    assert chi_square(counts[1:], np.full(WINDOW, 0.25)) < 16.3  # 0.1 % of draws lie beyond


def test_frequent_words_are_left_out_as_often_as_word2vec_does() -> None:
    counts = np.array([0, 0, 90_000, 9_000, 1_000])
    keep = keep_shares(counts, 1e-3)
    share = counts / counts.sum()
    wanted = (np.sqrt(share[2:] / 1e-3) + 1) * 1e-3 / share[2:]
    assert keep[2:] == pytest.approx(np.minimum(wanted, 1.0))
    assert keep_shares(counts, 0.0).tolist() == [0, 0, 1, 1, 1]
    texts = Ragged.from_rows([[2] * 9_000] * 10)
    (block,) = blocks(Corpus(texts=texts, keep=keep, window=2), np.arange(10), 3)
    stayed = len(block.words)
    assert abs(stayed - 90_000 * keep[2]) < 4 * np.sqrt(90_000 * keep[2])


@pytest.mark.parametrize("find", [pairs, bags])
def test_samples_do_not_hang_on_how_they_are_asked_for(find: Callable[[Block, int], Found]) -> None:
    def epoch() -> Epoch:
        return Epoch(corpus(), np.arange(59, -1, -1), key=11, shuffle=True, find=find)

    count = epoch().count()
    whole = epoch().samples(0, count)
    one = epoch()
    parts = [one.samples(start, min(start + 37, count)) for start in range(0, count, 37)]
    assert np.array_equal(np.concatenate([p.given for p in parts]), whole.given)
    assert np.array_equal(np.concatenate([p.true for p in parts]), whole.true)
    # A run that is gone on with begins in the middle.
    late = epoch().samples(count - 50, count)
    assert np.array_equal(late.true, whole.true[-50:])
    # And an epoch that drew fewer than the first one begins again.
    over = epoch().samples(count - 5, count + 5)
    assert np.array_equal(over.true, np.concatenate([whole.true[-5:], whole.true[:5]]))


def test_blocks_are_of_bounded_size_and_change_nothing_but_the_order() -> None:
    given, rows = corpus(), np.arange(60)
    whole = list(blocks(given, rows, 4))
    small = list(blocks(given, rows, 4, size=100))
    assert len(whole) == 1
    assert len(small) > 5
    assert all(len(block.words) <= 100 + 30 for block in small)
    for name in ("words", "rows", "reach", "after"):
        joined = np.concatenate([getattr(block, name) for block in small])
        assert np.array_equal(joined, getattr(whole[0], name)), name


def test_a_text_beyond_measure_is_cut() -> None:
    texts = Ragged.from_rows([list(range(2, 12)) * 2_500])
    given = Corpus(texts=texts, keep=np.ones(12), window=2)
    found = list(blocks(given, np.arange(1), 0, size=8_000))
    assert [len(block.words) for block in found] == [10_000, 10_000, 5_000]
    assert sum(len(block.words) for block in found) == 25_000


def test_texts_without_neighbours_are_told() -> None:
    lonely = Corpus(texts=Ragged.from_rows([[2], [4], []]), keep=np.ones(5), window=3)
    asks: list[Callable[[Epoch], object]] = [lambda e: e.count(), lambda e: e.samples(0, 1)]
    for ask in asks:
        epoch = Epoch(lonely, np.arange(3), key=0, shuffle=True, find=pairs)
        with pytest.raises(Failure) as caught:
            ask(epoch)
        assert caught.value.diagnostic.code.number == "E0606"


def chi_square(counts: np.ndarray, shares: np.ndarray) -> float:
    wanted = counts.sum() * shares
    return float(((counts - wanted) ** 2 / wanted).sum())
