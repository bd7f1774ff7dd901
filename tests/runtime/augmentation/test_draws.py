"""The numbers of samples: their distributions, and what they depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dlc.runtime.augmentation.draws import Draws

MANY = 40_000


def draws(count: int = MANY, *, seed: int = 1, epoch: int = 0, place: int = 0) -> Draws:
    return Draws(seed, epoch, place, np.arange(count))


def test_a_sample_has_its_numbers_whatever_its_batch() -> None:
    order = np.random.default_rng(0).permutation(500)
    whole, mixed, part = draws(500), Draws(1, 0, 0, order), Draws(1, 0, 0, order[40:90])
    for take in (
        lambda d: d.unit(3),
        lambda d: d.normal(2),
        lambda d: d.beta(0.4)[:, None],
        lambda d: d.permutations(4),
        lambda d: d.unit_on(torch.device("cpu"), 7).numpy(),
        lambda d: d.normal_on(torch.device("cpu"), 9).numpy(),
    ):
        expected = take(whole)
        np.testing.assert_array_equal(take(mixed), expected[order])
        np.testing.assert_array_equal(take(part), expected[order[40:90]])


@pytest.mark.parametrize("other", [{"seed": 2}, {"epoch": 1}, {"place": 1}])
def test_seed_epoch_and_place_change_them(other: dict[str, int]) -> None:
    one, two = draws().unit(1)[:, 0], draws(**other).unit(1)[:, 0]
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02


def test_numbers_are_even() -> None:
    found = draws().unit(2)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.02
    assert abs(np.corrcoef(found[:-1, 0], found[1:, 0])[0, 1]) < 0.02
    for values in (found[:, 0], draws().unit_on(torch.device("cpu"), 1)[:, 0].numpy()):
        assert values.min() >= 0.0
        assert values.max() < 1.0
        counts, _ = np.histogram(values, 20, (0, 1))
        # Chi-squared of 19 degrees of freedom is above 45 once in a thousand times.
        assert ((counts - MANY / 20) ** 2 / (MANY / 20)).sum() < 45


def test_whole_numbers_lie_below_their_limits() -> None:
    counts = np.bincount(draws().below(7)[:, 0])
    assert len(counts) == 7
    assert ((counts - MANY / 7) ** 2 / (MANY / 7)).sum() < 25
    limits = np.array([1, 2, 5])[:, None]
    assert (Draws(0, 0, 0, np.arange(3)).below(limits, 100) < limits).all()


@pytest.mark.parametrize("on_device", [False, True])
def test_normal_numbers(on_device: bool) -> None:
    d = draws()
    found = d.normal_on(torch.device("cpu"), 3).numpy() if on_device else d.normal(3)
    assert found.mean() == pytest.approx(0.0, abs=0.01)
    assert found.std() == pytest.approx(1.0, abs=0.01)
    assert (np.abs(found) < 1.959964).mean() == pytest.approx(0.95, abs=0.004)
    assert np.abs(np.corrcoef(found.T) - np.eye(3)).max() < 0.02


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 4.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    found = draws().beta(alpha)
    assert np.isfinite(found).all()
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert found.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    # The fourth moment about the middle tells it from other distributions of that variance.
    kurtosis = 3 - 6 / (2 * alpha + 3)
    assert ((found - 0.5) ** 4).mean() / found.var() ** 2 == pytest.approx(kurtosis, rel=0.05)


def test_orders_are_all_equally_likely() -> None:
    found = draws().permutations(3)
    assert (np.sort(found, axis=1) == np.arange(3)).all()
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert len(counts) == math.factorial(3)
    assert ((counts - MANY / 6) ** 2 / (MANY / 6)).sum() < 21
