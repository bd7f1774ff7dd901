"""What objectives make of columns, each on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.objectives.next_token import shifted
from dlc.runtime.objectives.windows import starts

torch = pytest.importorskip("torch")

from dlc.runtime.objectives._arrays import OnDevice, OnHost  # noqa: E402
from dlc.runtime.objectives.base import moment  # noqa: E402
from dlc.runtime.objectives.masked_language_model import Masking  # noqa: E402

MASK, SIZE, IGNORED = 4, 500, -100


def masking(fraction: float = 0.15) -> Masking:
    special = np.zeros(SIZE, np.bool_)
    special[:5] = True
    return Masking(
        input="tokens",
        label="label",
        fraction=fraction,
        ignored=IGNORED,
        mask=MASK,
        special=special,
    )


def hide(tokens: Any, places: Any, key: int, fraction: float = 0.15) -> tuple[Any, Any]:
    made = masking(fraction)
    special = torch.from_numpy(made.special)
    ordinary = torch.from_numpy(np.flatnonzero(~made.special))
    return made.hide(tokens, places, key, special, ordinary, OnDevice(torch.device("cpu")))


def texts(rows: int, length: int) -> Any:
    """[CLS], pieces, [SEP], and padding in every other row."""
    tokens = torch.randint(5, SIZE, (rows, length), generator=torch.Generator().manual_seed(3))
    tokens[:, 0] = 2
    tokens[::2, length // 2 :] = 0
    tokens[::2, length // 2 - 1] = tokens[1::2, -1] = 3
    return tokens


# ── masking ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fraction", [0.05, 0.15, 0.35])
def test_numpy_hides_what_torch_hides(fraction: float) -> None:
    tokens, places = texts(300, 61), torch.arange(1000, 1300)
    hidden, label = hide(tokens, places, 9, fraction)
    made, special = masking(fraction), masking().special
    on_host = made.hide(
        tokens.numpy(), places.numpy(), 9, special, np.flatnonzero(~special), OnHost()
    )
    assert np.array_equal(on_host[0], hidden.numpy())
    assert np.array_equal(on_host[1], label.numpy())


def test_of_each_text_the_share_is_chosen_rounded_and_one_at_least() -> None:
    tokens = texts(64, 40)
    for fraction in (0.001, 0.15, 0.6):
        _, label = hide(tokens, torch.arange(64), 9, fraction)
        free = (tokens >= 5).sum(dim=1)
        wanted = (free * fraction).round().long().clamp(min=1)
        assert torch.equal((label != IGNORED).sum(dim=1), wanted)


def test_special_pieces_are_neither_chosen_nor_drawn() -> None:
    tokens = texts(500, 40)
    hidden, label = hide(tokens, torch.arange(500), 9, 0.5)
    chosen = label != IGNORED
    assert (tokens[chosen] >= 5).all()
    assert torch.equal(label[chosen], tokens[chosen])
    assert torch.equal(hidden[~chosen], tokens[~chosen])
    assert ((hidden[chosen] == MASK) | (hidden[chosen] >= 5)).all()


def test_eighty_ten_ten() -> None:
    tokens = texts(8_000, 40)
    hidden, label = hide(tokens, torch.arange(8_000), 2)
    chosen = label != IGNORED
    before, after = tokens[chosen], hidden[chosen]
    count = len(before)
    masked = (after == MASK).sum().item()
    same = (after == before).sum().item()
    other = count - masked - same
    # A random piece is the same one once in 495 times.
    shares = np.array([0.8, 0.1 + 0.1 / 495, 0.1 - 0.1 / 495])
    found = np.array([masked, same, other])
    statistic = ((found - count * shares) ** 2 / (count * shares)).sum()
    assert count > 30_000
    assert statistic < 13.8  # two degrees of freedom: 0.1 % of draws lie beyond
    replaced = after[(after != MASK) & (after != before)]
    assert len(replaced.unique()) == 495


def test_every_place_is_chosen_equally_often() -> None:
    tokens = torch.full((20_000, 10), 7)
    _, label = hide(tokens, torch.arange(20_000), 5, 0.2)
    counts = (label != IGNORED).sum(dim=0).double()
    assert counts.sum() == 40_000
    statistic = ((counts - 4_000) ** 2 / 4_000).sum() / 0.8
    assert statistic < 27.9  # nine degrees of freedom


def test_what_is_hidden_hangs_on_the_sample_and_the_epoch_alone() -> None:
    tokens, places = texts(32, 24), torch.arange(100, 132)
    key = moment(7, "masking", 3)
    hidden, label = hide(tokens, places, key)
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    again, labels = hide(tokens[order], places[order], key)
    assert torch.equal(again, hidden[order])
    assert torch.equal(labels, label[order])
    # More padding, as in another batch.
    wide = torch.nn.functional.pad(tokens, (0, 9))
    assert torch.equal(hide(wide, places, key)[0][:, :24], hidden)
    for other in (moment(7, "masking", 4), moment(8, "masking", 3), moment(7, "masking", None)):
        assert not torch.equal(hide(tokens, places, other)[1], label)


def test_a_text_without_pieces_has_nothing_to_find() -> None:
    hidden, label = hide(torch.tensor([[2, 3, 0, 0]]), torch.arange(1), 1)
    assert hidden.tolist() == [[2, 3, 0, 0]]
    assert (label == IGNORED).all()


# ── next token, windows ──────────────────────────────────────────────────────


def test_the_target_of_a_token_is_the_next_one_of_its_text() -> None:
    tokens = Ragged.from_rows([[5, 6, 7], [], [8], [9, 10]])
    found = shifted(tokens, -100)
    assert [found.row(i).tolist() for i in range(4)] == [[6, 7, -100], [], [-100], [10, -100]]


def slow_starts(rows: list[int], places: list[int], length: int, stride: int) -> list[int]:
    found, begin = [], 0
    while begin < len(places):
        end = begin + 1
        while (
            end < len(places)
            and places[end] == places[end - 1] + 1
            and rows[places[end]] == rows[places[end - 1]] + 1
        ):
            end += 1
        found += [places[at] for at in range(begin, end - length + 1, stride)]
        begin = end
    return found


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (3, 1), (4, 2), (5, 7), (40, 1)])
def test_windows_lie_in_stretches_of_rows_that_follow_each_other(length: int, stride: int) -> None:
    rng = np.random.default_rng(length)
    rows = np.flatnonzero(rng.random(60) < 0.85) + 1
    places = np.flatnonzero(rng.random(len(rows)) < 0.9)
    found = starts(rows, places, length, stride)
    assert found.tolist() == slow_starts(rows.tolist(), places.tolist(), length, stride)
    assert starts(rows, places[:0], length, stride).tolist() == []
