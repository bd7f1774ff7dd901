"""What holds of every division, whatever the rows, the shares and the seed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlc.runtime.data.rounding import within_one
from dlc.runtime.data.splits import PARTS, Division, SplitRule, divide, fold_count
from dlc.runtime.failures import Failure

Values = npt.NDArray[np.int64]

seeds = st.integers(0, 2**40)


@st.composite
def shares(draw: st.DrawFn) -> tuple[float, float, float]:
    """Shares as a person writes them: whole percents, some of them 0."""
    train = draw(st.integers(1, 100))
    validation = draw(st.integers(0, 100 - train))
    return train / 100, validation / 100, (100 - train - validation) / 100


@st.composite
def columns(draw: st.DrawFn, most: int = 300) -> Values:
    """A column of few or many values, even or not."""
    kinds = draw(st.integers(1, 40))
    count = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    uneven = rng.random(kinds) ** draw(st.sampled_from([0, 1, 6])) + 1e-9
    found: Values = rng.choice(kinds, count, p=uneven / uneven.sum()).astype(np.int64)
    return found


def divided(count: int, rule: SplitRule, **columns: Any) -> Division:
    """The division; draws that leave a part empty are those that `divide` refuses."""
    try:
        return divide(count, rule, **columns)
    except Failure:
        assume(False)
        raise


def is_whole(division: Division, count: int) -> bool:
    parts = np.concatenate([division.part(part) for part in PARTS])
    ascending = all((np.diff(division.part(part)) > 0).all() for part in PARTS)
    return ascending and np.array_equal(np.sort(parts), np.arange(count))


@given(st.integers(1, 2000), shares(), seeds)
def test_parts_are_disjoint_and_complete_and_of_their_size(
    count: int, shares: tuple[float, float, float], seed: int
) -> None:
    division = divided(count, SplitRule(shares=shares, seed=seed))
    assert is_whole(division, count)
    for part, share in zip(PARTS, shares, strict=True):
        assert abs(len(division.part(part)) - share * count) < 1 + 1e-6


@given(columns(), shares(), seeds)
def test_every_class_has_its_share_of_every_part_to_within_a_row(
    classes: Values, shares: tuple[float, float, float], seed: int
) -> None:
    division = divided(
        len(classes), SplitRule(shares=shares, seed=seed, stratify="y"), classes=classes
    )
    assert is_whole(division, len(classes))
    totals = np.bincount(classes)
    for part, share in zip(PARTS, shares, strict=True):
        rows = division.part(part)
        assert (
            abs(np.bincount(classes[rows], minlength=len(totals)) - share * totals) < 1 + 1e-6
        ).all()
        assert abs(len(rows) - share * len(classes)) < 1 + 1e-6


@given(columns(), shares(), seeds)
def test_no_group_is_in_two_parts(
    groups: Values, shares: tuple[float, float, float], seed: int
) -> None:
    division = divided(len(groups), SplitRule(shares=shares, seed=seed, group="g"), groups=groups)
    assert is_whole(division, len(groups))
    owners = [set(groups[division.part(part)].tolist()) for part in PARTS]
    assert sum(map(len, owners)) == len(np.unique(groups))
    for part, share in zip(PARTS, shares, strict=True):
        if share == 0:
            assert len(division.part(part)) == 0


def test_groups_of_one_size_make_parts_of_their_shares() -> None:
    groups = np.repeat(np.arange(100), 7)
    division = divide(700, SplitRule(group="g"), groups=groups)
    assert [len(division.part(part)) for part in PARTS] == [560, 70, 70]
    other = divide(700, SplitRule(group="g", seed=1), groups=groups)
    assert not np.array_equal(division.test, other.test)


@given(columns(), shares(), st.booleans())
def test_in_time_nothing_is_learned_from_what_comes_later(
    times: Values, shares: tuple[float, float, float], distinct: bool
) -> None:
    if distinct:
        times = np.random.default_rng(0).permutation(len(times))
    division = divided(len(times), SplitRule(shares=shares, time="t"), times=times)
    assert is_whole(division, len(times))
    held = [times[division.part(part)] for part in PARTS if len(division.part(part))]
    assert all(before.max() < after.min() for before, after in pairwise(held))
    if distinct:
        for part, share in zip(PARTS, shares, strict=True):
            assert abs(len(division.part(part)) - share * len(times)) < 1 + 1e-6


@given(columns(), st.integers(2, 12), st.sampled_from([0.0, 0.1, 0.25]), seeds, st.booleans())
@settings(max_examples=60)
def test_folds_validate_on_every_row_once(
    classes: Values, folds: int, test: float, seed: int, stratified: bool
) -> None:
    rule = SplitRule(
        shares=(1 - test, 0.0, test), seed=seed, folds=folds, stratify="y" if stratified else None
    )
    column = classes if stratified else None
    rules = [SplitRule(**{**vars(rule), "fold": fold}) for fold in range(folds)]
    found = [divided(len(classes), each, classes=column) for each in rules]
    assert all(is_whole(division, len(classes)) for division in found)
    assert all(np.array_equal(division.test, found[0].test) for division in found)
    validated = np.concatenate([division.validation for division in found])
    left = np.setdiff1d(np.arange(len(classes)), found[0].test)
    assert np.array_equal(np.sort(validated), left)
    sizes = [len(division.validation) for division in found]
    assert max(sizes) - min(sizes) <= 1
    if stratified:
        totals = np.bincount(classes[left], minlength=40)
        for division in found:
            counts = np.bincount(classes[division.validation], minlength=40)
            assert (abs(counts - totals / folds) < 1).all()


@given(columns(), st.integers(2, 6), seeds)
@settings(max_examples=60)
def test_folds_of_groups_keep_groups_whole(groups: Values, folds: int, seed: int) -> None:
    assume(len(np.unique(groups)) >= folds)
    rule = SplitRule(shares=(1.0, 0.0, 0.0), seed=seed, folds=folds, group="g")
    seen: list[int] = []
    for fold in range(folds):
        division = divide(len(groups), SplitRule(**{**vars(rule), "fold": fold}), groups=groups)
        assert is_whole(division, len(groups))
        held = set(groups[division.validation].tolist())
        assert not held & set(groups[division.train].tolist())
        seen += held
    assert sorted(seen) == np.unique(groups).tolist()


@given(columns(most=80), seeds)
@settings(max_examples=40)
def test_each_group_is_left_out_once(groups: Values, seed: int) -> None:
    assume(len(np.unique(groups)) >= 2)
    rule = SplitRule(shares=(1.0, 0.0, 0.0), seed=seed, folds="groups", group="g")
    count = fold_count(rule, groups)
    assert count == len(np.unique(groups))
    for fold in range(count):
        division = divide(len(groups), SplitRule(**{**vars(rule), "fold": fold}), groups=groups)
        held = set(groups[division.validation].tolist())
        assert held == {np.unique(groups)[fold]}
        assert is_whole(division, len(groups))


@given(columns(), shares(), seeds)
@settings(max_examples=30)
def test_what_values_are_called_changes_nothing(
    classes: Values, shares: tuple[float, float, float], seed: int
) -> None:
    words = np.array([f"k{value:03d}" for value in range(40)])[classes]
    rule = SplitRule(shares=shares, seed=seed, stratify="y")
    first = divided(len(classes), rule, classes=classes)
    second = divide(len(classes), rule, words)
    assert all(np.array_equal(first.part(part), second.part(part)) for part in PARTS)


@given(columns(most=2000), shares())
def test_rounding_is_up_or_down_and_keeps_the_totals(
    classes: Values, shares: tuple[float, float, float]
) -> None:
    totals = np.bincount(classes)
    wanted = totals[:, None] * np.asarray(shares)[None, :]
    counts = within_one(wanted, totals)
    assert (abs(counts - wanted) < 1 + 1e-6).all()
    assert (counts.sum(axis=1) == totals).all()
    assert (abs(counts.sum(axis=0) - wanted.sum(axis=0)) < 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (SplitRule(group="g"), "`g` has 2 groups, too few for 3 parts"),
        (
            SplitRule(shares=(1, 0, 0), group="g", folds=3),
            "`g` has 2 groups to train on, too few for 3 folds",
        ),
        (SplitRule(shares=(1, 0, 0), group="g", folds="groups", fold=2), "no fold 2 of 2"),
    ],
)
def test_too_few_groups_are_refused(rule: SplitRule, says: str) -> None:
    with pytest.raises(Failure, match=says):
        divide(10, rule, groups=np.arange(10) % 2)


def test_too_few_rows_and_too_many_groups_for_folds_are_refused() -> None:
    with pytest.raises(Failure, match="3 rows do not make 5 folds"):
        divide(3, SplitRule(shares=(1, 0, 0), folds=5))
    with pytest.raises(Failure, match="2,000 groups"):
        fold_count(SplitRule(folds="groups", group="g"), np.arange(2000))


def test_a_rule_with_folds_groups_and_files_survives_its_record() -> None:
    for rule in (
        SplitRule(shares=(0.9, 0.0, 0.1), folds=5, fold=3, stratify="y"),
        SplitRule(folds="groups", group="g"),
        SplitRule(time="day", given=("train", "test")),
    ):
        assert SplitRule.from_record(rule.record()) == rule
