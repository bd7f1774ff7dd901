"""Words drawn by a power of their frequency."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dlc.runtime.objectives import _words as random  # noqa: E402
from dlc.runtime.objectives._arrays import OnDevice, OnHost  # noqa: E402
from dlc.runtime.objectives._noise import Noise, alias_table  # noqa: E402
from dlc.runtime.seeding import keys  # noqa: E402

CPU = OnDevice(torch.device("cpu"))
COUNTS = np.array([0, 0, 9_000, 3_000, 1_000, 0, 300, 100, 30, 10, 3, 1])


def test_words_on_the_device_are_those_of_the_host() -> None:
    start = 0x9ABC_DEF0_1234_5678
    found = random.words(start, torch.arange(1, 1001)).numpy().view(np.uint64)
    assert np.array_equal(found, keys(start, 1000))


def test_a_table_gives_each_place_its_share() -> None:
    weights = np.random.default_rng(1).random(137) ** 3
    kept, alias = alias_table(weights)
    share = kept.copy()
    np.add.at(share, alias, 1.0 - kept)
    assert share / 137 == pytest.approx(weights / weights.sum())
    assert ((kept >= 0) & (kept <= 1)).all()


def test_draws_follow_the_power() -> None:
    noise = Noise.of(COUNTS, 0.75, CPU)
    drawn = noise.draw(random.words(17, torch.arange(200_000)))
    counts = np.bincount(drawn.numpy(), minlength=len(COUNTS))
    assert not counts[COUNTS == 0].any()
    present = COUNTS > 0
    share = COUNTS[present] ** 0.75 / (COUNTS[present] ** 0.75).sum()
    wanted = share * 200_000
    statistic = (((counts[present] - wanted) ** 2) / wanted).sum()
    # Eight degrees of freedom: 0.1 % of draws lie beyond.
    assert statistic < 26.1


def test_the_true_word_is_drawn_again() -> None:
    noise = Noise.of(COUNTS, 0.75, CPU)
    true = torch.full((5_000,), 2)
    others = noise.draw_others(3, 0, true, 4)
    share = COUNTS[2] ** 0.75 / (COUNTS**0.75).sum()
    assert (others == 2).float().mean().item() == pytest.approx(share**2, abs=0.02)


def test_draws_do_not_hang_on_batches() -> None:
    noise = Noise.of(COUNTS, 0.75, CPU)
    true = torch.arange(2, 12).repeat(10)
    whole = noise.draw_others(3, 40, true, 5)
    halves = [noise.draw_others(3, 40, true[:33], 5), noise.draw_others(3, 73, true[33:], 5)]
    assert torch.equal(whole, torch.cat(halves))
    assert not torch.equal(whole, noise.draw_others(4, 40, true, 5))


def test_numpy_draws_what_torch_draws() -> None:
    true = np.arange(2, 12).repeat(300)
    on_host = Noise.of(COUNTS, 0.75, OnHost()).draw_others(3, 40, true, 5)
    on_device = Noise.of(COUNTS, 0.75, CPU).draw_others(3, 40, torch.from_numpy(true), 5)
    assert np.array_equal(on_host, on_device.numpy())
