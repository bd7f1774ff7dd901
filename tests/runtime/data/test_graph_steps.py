"""Every step of the graph: what training sees is what the exported file computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from graph_of import same_in_training_and_in_the_file

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.bucketize import Bucketize
from dlc.compiler.components.preprocessing.center import Center
from dlc.compiler.components.preprocessing.clip import Clip
from dlc.compiler.components.preprocessing.exp import Exp
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.log import Log
from dlc.compiler.components.preprocessing.max_abs import MaxAbs
from dlc.compiler.components.preprocessing.min_max import MinMax
from dlc.compiler.components.preprocessing.multi_hot import MultiHot
from dlc.compiler.components.preprocessing.one_hot import OneHot
from dlc.compiler.components.preprocessing.ordinal import Ordinal
from dlc.compiler.components.preprocessing.pca import Pca
from dlc.compiler.components.preprocessing.power import Power
from dlc.compiler.components.preprocessing.robust import Robust
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.preprocessing.tan import Tan
from dlc.compiler.components.preprocessing.vocabulary import Vocabulary
from dlc.compiler.components.preprocessing.whiten import Whiten
from dlc.compiler.components.preprocessing.zca import Zca
from dlc.runtime.data import steps as running
from dlc.runtime.data.steps.base import Array

Strategy = Literal["mean", "median", "constant"]
FITTED: list[Preprocess] = [
    Center(),
    Standardize(),
    MinMax(),
    MinMax(low=-1.0, high=3.0),
    MaxAbs(),
    Robust(),
    Robust(low=0.1, high=0.9),
    Clip(low=0.05, high=0.95, by="quantile"),
    Clip(high=0.9, by="quantile"),
    Bucketize(buckets=7),
    Bucketize(buckets=4, strategy="uniform"),
    Pca(components=3),
    Pca(components=0.9),
    Whiten(),
    Whiten(components=2, epsilon=0.1),
    Zca(),
    Impute(),
    Impute(indicator=True),
]
POINTWISE: list[Preprocess] = [
    Scale(factor=-0.25),
    Log(offset=20.0),
    Exp(),
    Tan(),
    Power(exponent=2.0),
    Power(exponent=3.0),
    Clip(low=-1.0, high=2.5),
    Clip(low=0.0),
    Bucketize(edges=(-1.0, 0.0, 0.5, 3.0)),
]
#: Tested with torchvision beside them.
IMAGES = {"center_crop", "crop", "grayscale", "normalize", "pad", "resize"}
LOOKUPS = {"vocabulary", "ordinal", "one_hot", "multi_hot"}


def table(rows: int = 60) -> Array:
    draw = np.random.default_rng(3)
    values = draw.normal([0, 5, -2, 100], [1, 3, 0.01, 40], (rows, 4))
    mixed = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]])
    return np.asarray(values @ mixed, np.float32)


def small(rows: int = 60) -> Array:
    return np.random.default_rng(4).normal(0, 2, (rows, 4)).clip(-9, 9).astype(np.float32)


EXTREMES = np.array([[0, 0, 0, 0], [1e4, -1e4, 1e4, -1e4], [-1e4, 1e-4, 1e9, 1e-9]], np.float32)


@pytest.mark.parametrize("step", FITTED, ids=str)
def test_fitted_steps(step: Preprocess) -> None:
    same_in_training_and_in_the_file((step,), table(), [EXTREMES])


@pytest.mark.parametrize("step", POINTWISE, ids=str)
def test_steps_on_single_numbers(step: Preprocess) -> None:
    others = [] if step.partial else [EXTREMES]
    same_in_training_and_in_the_file((step,), small(), others)


@pytest.mark.parametrize("step", FITTED, ids=str)
def test_features_that_never_change_stay_finite(step: Preprocess) -> None:
    values = np.full((20, 3), [0.1, 0.0, -7e5], np.float32)
    assert np.isfinite(same_in_training_and_in_the_file((step,), values)).all()


@pytest.mark.parametrize("step", [*FITTED, *POINTWISE], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64], ids=str)
def test_raw_numbers_of_any_type(step: Preprocess, dtype: type) -> None:
    values: Array = np.random.default_rng(5).integers(1, 9, (40, 4)).astype(dtype)
    same_in_training_and_in_the_file((step,), values)


@pytest.mark.parametrize(
    "step",
    [
        Center(),
        Standardize(),
        MinMax(),
        MaxAbs(),
        Robust(),
        Clip(low=0.1, by="quantile"),
        Bucketize(buckets=3),
        Impute(indicator=True),
        Zca(),
        Pca(components=5),
    ],
    ids=str,
)
def test_images_have_their_features_in_the_channels(step: Preprocess) -> None:
    images = np.random.default_rng(6).normal(size=(30, 3, 4, 5)).astype(np.float32)
    same_in_training_and_in_the_file((step,), images)


@pytest.mark.parametrize(
    "step", [s for s in FITTED if s.name not in ("pca", "whiten", "zca")], ids=str
)
def test_a_single_column_of_numbers(step: Preprocess) -> None:
    if getattr(step, "indicator", False):
        return
    same_in_training_and_in_the_file((step,), table()[:, 1])


def test_the_last_dim_may_hold_the_features() -> None:
    values = np.random.default_rng(7).normal(size=(30, 6, 2)).astype(np.float32)
    for step in (Standardize(dim=-1), Robust(dim=2), Impute(dim=-1, indicator=True)):
        same_in_training_and_in_the_file((step,), values)


@pytest.mark.parametrize("strategy", ["mean", "median", "constant"])
@pytest.mark.parametrize("indicator", [False, True])
def test_missing_numbers_are_filled(strategy: Strategy, indicator: bool) -> None:
    values = table()
    values[::3, 0] = np.nan
    values[5, 2] = np.nan
    nothing = np.full((2, 4), np.nan, np.float32)
    step = Impute(
        strategy=strategy, value=7.0 if strategy == "constant" else 0.0, indicator=indicator
    )
    found = same_in_training_and_in_the_file((step, Standardize()), values, [nothing])
    assert np.isfinite(found).all()
    assert found.shape[1] == (8 if indicator else 4)


CITIES = np.array(["Oslo", "Rome", "Oslo", "Łódź", "", "Rome", "Oslo", " Rome"], object)
NEW_CITIES = np.array(["Paris", "oslo", "Łódź", "", "Oslo"], object)


@pytest.mark.parametrize(
    "steps",
    [
        (Vocabulary(),),
        (Vocabulary(max_size=3),),
        (Vocabulary(min_count=2),),
        (Vocabulary(max_size=4), OneHot(num_classes=6)),
    ],
    ids=str,
)
def test_categories_that_are_texts(steps: Sequence[Preprocess]) -> None:
    same_in_training_and_in_the_file(steps, CITIES, [NEW_CITIES])
    pairs = np.stack([CITIES, CITIES[::-1]], axis=1)
    same_in_training_and_in_the_file(steps, pairs, [np.stack([NEW_CITIES, NEW_CITIES], axis=1)])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8], ids=str)
def test_categories_that_are_numbers(dtype: type) -> None:
    codes: Array = np.array([7, 3, 7, 200, 3, 7], dtype)
    new: Array = np.array([0, 200, 9], dtype)
    found = same_in_training_and_in_the_file((Vocabulary(),), codes, [new])
    assert found.tolist() == [1, 2, 1, 3, 2, 1]
    order = Ordinal(order=("3", "7", "200"), unknown=3)
    assert same_in_training_and_in_the_file((order,), codes, [new])[0] == 1


def test_categories_in_an_order() -> None:
    sizes = np.array(["small", "large", "medium", "small"], object)
    step = Ordinal(order=("small", "medium", "large"))
    found = same_in_training_and_in_the_file((step,), sizes, [np.array(["huge", ""], object)])
    assert found.tolist() == [0, 2, 1, 0]


def test_indices_outside_the_classes_become_zeros_in_the_file() -> None:
    step = OneHot(num_classes=3)
    new = np.array([-1, 3, 2, 7], np.int64)
    same_in_training_and_in_the_file((step,), np.array([0, 1, 2, 2]), [new])


@pytest.mark.parametrize("separator", ["|", ", ", ";"])
def test_lists_of_categories(separator: str) -> None:
    lists = [["drama"], ["drama", "war"], [], ["comedy", "drama", "war"], ["war", "war"]]
    texts = np.array([separator.join(pieces) for pieces in lists], object)
    new = np.array(["western", "", separator, f"war{separator}{separator}opera"], object)
    step = MultiHot(num_classes=5, separator=separator)
    found = same_in_training_and_in_the_file((step,), texts, [new, np.array(["", ""], object)])
    assert found[:, 0].sum() == 0
    assert found.sum(axis=1).tolist() == [1, 2, 0, 3, 1]


def test_chains_go_through_the_file_too() -> None:
    values = table()
    values[3, 1] = np.nan
    chain = (Impute(strategy="median"), Clip(low=0.01, high=0.99, by="quantile"), Standardize())
    same_in_training_and_in_the_file((*chain, Pca(components=2)), values)
    ages = np.array([3, 17, 18, 45, 70, 99], np.float32)
    edges = Bucketize(edges=(18.0, 30.0, 65.0))
    found = same_in_training_and_in_the_file((edges, OneHot(num_classes=4)), ages)
    assert found.argmax(axis=1).tolist() == [0, 0, 1, 2, 3, 3]


def test_every_step_of_the_graph_is_here() -> None:
    covered = {step.name for step in (*FITTED, *POINTWISE)} | LOOKUPS
    from dlc.compiler.components import registry

    graph = {
        name
        for name in registry.names("preprocess")
        if registry.load("preprocess", name).where == "graph"  # type: ignore[attr-defined]
    }
    assert graph - IMAGES - covered == set()
    assert graph <= running.names()
