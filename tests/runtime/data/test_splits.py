from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dlc.runtime.data.splits import SplitRule, divide
from dlc.runtime.failures import Failure
from dlc.runtime.seeding import keys, permutation, stream


def test_every_row_falls_into_exactly_one_part() -> None:
    division = divide(1003, SplitRule(shares=(0.7, 0.2, 0.1)))
    parts = [division.part(name) for name in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts).tolist()) == list(range(1003))
    assert [len(part) for part in parts] == [702, 201, 100]
    assert all((np.diff(part) > 0).all() for part in parts)


def test_stratified_parts_hold_each_class_in_proportion() -> None:
    classes = np.repeat(np.arange(7), [501, 13, 99, 240, 7, 1, 139])
    division = divide(1000, SplitRule(stratify="label"), classes)
    assert (len(division.train), len(division.test)) == (800, 100)
    for part, share in ((division.train, 0.8), (division.validation, 0.1), (division.test, 0.1)):
        counts = np.bincount(classes[part], minlength=7)
        assert (abs(counts - share * np.bincount(classes)) <= 1).all()


def test_a_division_is_the_same_on_every_machine() -> None:
    division = divide(1000, SplitRule(seed=7, stratify="label"), np.arange(1000) % 10)
    digest = hashlib.sha256(division.test.astype("<i8").tobytes()).hexdigest()
    assert digest == "1e0dc75fc3db90a6784e278a4aab1d3ef5a58580a9038618a9b2fde560f26f42"


def test_another_seed_gives_another_division() -> None:
    first, second = (divide(1000, SplitRule(seed=seed)).test for seed in (0, 1))
    assert len(np.intersect1d(first, second)) < 40


def test_words_and_numbers_stratify_alike() -> None:
    numbers = np.arange(300) % 3
    words = np.array(["cat", "dog", "eel"], dtype=object)[numbers]
    rule = SplitRule(stratify="label")
    assert (divide(300, rule, numbers).test == divide(300, rule, words).test).all()


def test_a_part_that_would_be_empty_is_refused() -> None:
    with pytest.raises(Failure, match="leaves none for `test`"):
        divide(4, SplitRule())
    assert len(divide(4, SplitRule(shares=(1.0, 0.0, 0.0))).train) == 4


def test_a_rule_survives_its_record() -> None:
    rule = SplitRule(shares=(0.5, 0.25, 0.25), seed=3, stratify="label")
    assert SplitRule.from_record(rule.record()) == rule
    with pytest.raises(Failure):
        SplitRule.from_record(rule.record() | {"algorithm": 99})


def test_streams_differ_by_seed_purpose_and_counter() -> None:
    made = {
        stream(seed, purpose, *counters)
        for seed in range(5)
        for purpose in ("order", "split")
        for counters in ((), (0,), (1,), (0, 0), (1, 0))
    }
    assert len(made) == 50


def test_a_permutation_looks_drawn() -> None:
    order = permutation(10_000, 0, "order", 3)
    assert sorted(order.tolist()) == list(range(10_000))
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
    assert abs(keys(stream(0, "x"), 100_000).astype(float).mean() / 2.0**63 - 1) < 0.02
