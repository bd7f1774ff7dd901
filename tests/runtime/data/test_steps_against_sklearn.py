"""Fitted steps on scikit-learn's own sets: the same statistics, the same result."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.bucketize import Bucketize
from dlc.compiler.components.preprocessing.center import Center
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.max_abs import MaxAbs
from dlc.compiler.components.preprocessing.min_max import MinMax
from dlc.compiler.components.preprocessing.ordinal import Ordinal
from dlc.compiler.components.preprocessing.pca import Pca
from dlc.compiler.components.preprocessing.robust import Robust
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.preprocessing.whiten import Whiten
from dlc.compiler.components.preprocessing.zca import Zca
from dlc.runtime.data import steps as running
from dlc.runtime.data.preprocessing import fit, fit_stream
from dlc.runtime.data.steps import _quantiles
from dlc.runtime.data.steps._features import moments
from dlc.runtime.data.steps._projection import axes
from dlc.runtime.data.steps._quantiles import quantiles
from dlc.runtime.data.steps.base import Array, Chunks

SETS = ("iris", "wine", "breast_cancer", "diabetes")


@pytest.fixture(params=SETS)
def x(request: pytest.FixtureRequest) -> Array:
    """In float32, as columns are read."""
    return table(request.param)


def table(name: str) -> Array:
    found: Any = getattr(datasets, f"load_{name}")()
    return np.asarray(found.data, np.float32)


def close(found: Array, expected: Any, tolerance: float = 1e-6) -> None:
    """Within 1e-6 of the values, or of the spread of their column where that is more."""
    expected = np.asarray(expected, np.float64)
    room = tolerance * np.maximum(np.abs(expected), np.abs(expected).max(axis=0, initial=1.0))
    assert (np.abs(found - expected) <= room).all()


@pytest.mark.parametrize(
    ("step", "oracle"),
    [
        (Standardize(), StandardScaler()),
        (Center(), StandardScaler(with_std=False)),
        (MinMax(), MinMaxScaler()),
        (MinMax(low=-1.0, high=1.0), MinMaxScaler((-1, 1))),
        (MaxAbs(), MaxAbsScaler()),
        (Robust(), RobustScaler()),
        (Robust(low=0.1, high=0.8), RobustScaler(quantile_range=(10, 80))),
    ],
    ids=str,
)
def test_scaling(x: Array, step: Preprocess, oracle: Any) -> None:
    expected = oracle.fit_transform(x.astype(np.float64))
    (statistics,), found = fit(x, (step,))
    own = {
        "mean": "mean_",
        "std": "scale_",
        "least": "data_min_",
        "range": "scale_" if step.name == "robust" else "data_range_",
        "greatest": "scale_",
        "median": "center_",
    }
    for name, value in statistics.items():
        np.testing.assert_allclose(value[0], getattr(oracle, own[name]), rtol=1e-6, atol=1e-9)
    # What is left of 1e-6 is the rounding of the float32 values themselves.
    off = np.abs(x).max(axis=0) / np.maximum(np.abs(x - x.mean(axis=0)).max(axis=0), 1e-30)
    assert (np.abs(found - expected) <= 1e-6 * (1 + off) * np.abs(expected).max(axis=0)).all()


@pytest.mark.parametrize("strategy", ["mean", "median", "constant"])
def test_impute(x: Array, strategy: Literal["mean", "median", "constant"]) -> None:
    holes = x.copy()
    holes[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan
    value = 3.5 if strategy == "constant" else 0.0
    step = Impute(strategy=strategy, value=value, indicator=True)
    oracle = SimpleImputer(strategy=strategy, fill_value=value)
    (statistics,), found = fit(holes, (step,))
    expected = oracle.fit_transform(holes.astype(np.float64))
    known = oracle.statistics_.astype(np.float64)
    np.testing.assert_allclose(statistics["fill"][0], known, rtol=1e-6, atol=1e-9)
    close(found[:, : x.shape[1]], expected)
    missing = MissingIndicator(features="all").fit_transform(holes)
    np.testing.assert_array_equal(found[:, x.shape[1] :], missing)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize("buckets", [2, 5, 10])
@pytest.mark.filterwarnings("ignore:Bins whose width:UserWarning")
def test_bucketize(x: Array, strategy: Literal["quantile", "uniform"], buckets: int) -> None:
    oracle = KBinsDiscretizer(buckets, encode="ordinal", strategy=strategy, subsample=None)
    if "quantile_method" in oracle.get_params():
        # Its default before 1.9.
        oracle.set_params(quantile_method="linear")
    expected = oracle.fit_transform(x.astype(np.float64))
    _, found = fit(x, (Bucketize(buckets=buckets, strategy=strategy),))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("whitened", [False, True])
@pytest.mark.parametrize("components", [1, 3, 0.5, 0.95])
def test_components(x: Array, components: float, whitened: bool) -> None:
    (_,), standard = fit(x, (Standardize(),))
    oracle = PCA(components, whiten=whitened, svd_solver="full")
    expected = oracle.fit_transform(standard.astype(np.float64))
    step = Whiten(components=components) if whitened else Pca(components=components)
    _, found = fit(standard, (step,))
    assert found.shape == expected.shape
    close(found, expected)


def test_all_components_whitened(x: Array) -> None:
    (_,), standard = fit(x, (Standardize(),))
    expected = PCA(whiten=True, svd_solver="full").fit_transform(standard.astype(np.float64))
    _, found = fit(standard, (Whiten(),))
    close(found, expected)


def test_components_of_unscaled_features(x: Array) -> None:
    """The variances of breast_cancer span twelve orders of magnitude."""
    expected = PCA(4, svd_solver="full").fit_transform(x.astype(np.float64))
    _, found = fit(x, (Pca(components=4),))
    close(found, expected)


def test_zca_whitens_and_stays_near(x: Array) -> None:
    (_,), standard = fit(x, (Standardize(),))
    _, found = fit(standard, (Zca(epsilon=0.0),))
    wide = found.astype(np.float64)
    np.testing.assert_allclose(np.cov(wide.T), np.eye(x.shape[1]), atol=1e-5)
    # As the inverse root of the covariance, by another decomposition.
    centred = standard.astype(np.float64) - standard.mean(axis=0, dtype=np.float64)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    root = vt.T @ np.diag(np.sqrt(len(x) - 1) / s) @ vt
    close(found, centred @ root)


def test_ordinal_is_the_encoder_with_given_categories() -> None:
    words = np.array(["b", "a", "c", "b", "a"], object)
    _, found = fit(words, (Ordinal(order=("c", "a", "b")),))
    expected = OrdinalEncoder(categories=[["c", "a", "b"]]).fit_transform(words[:, None])[:, 0]
    np.testing.assert_array_equal(found, expected)


# ── data that comes in chunks ────────────────────────────────────────────────


def in_chunks(values: Array, size: int) -> Chunks:
    return lambda: (values[start : start + size] for start in range(0, len(values), size))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_stream_gives_the_statistics_of_the_whole_to_the_last_bit(size: int) -> None:
    x = table("breast_cancer")
    chain = (Standardize(), Robust(), MinMax(), Bucketize(buckets=5))
    whole, _ = fit(x, chain)
    parts = fit_stream(in_chunks(x, size), chain)
    for first, second in zip(whole, parts, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


def test_blocks_are_merged_as_precisely_as_one_is_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlc.runtime.data.steps import base

    x = (table("breast_cancer").astype(np.float64) + 1e6)[:, :12]
    monkeypatch.setattr(base, "_BLOCK_NUMBERS", 12 * 50)
    found = moments(lambda: (x,), 1)
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.deviation, x.std(axis=0), rtol=1e-8)
    turned = axes(lambda: (x,))
    np.testing.assert_allclose(
        turned.variances[:6], PCA(6, svd_solver="full").fit(x).explained_variance_, rtol=1e-6
    )


@pytest.mark.parametrize("held", [0, 1 << 30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_quantiles_are_numpys_held_or_counted(
    monkeypatch: pytest.MonkeyPatch, held: int, dtype: type
) -> None:
    monkeypatch.setattr(_quantiles, "_HELD_BYTES", held)
    draw = np.random.default_rng(1)
    x: Array = (draw.normal(60, 20, (501, 3)).clip(0, 200)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        x[:, 1] *= -1
        x[5:9, 2] = [0.0, -0.0, 1e30, -1e30]
        x[::7, 0] = np.nan
    shares = (0.0, 0.1, 0.5, 0.77, 1.0)
    found, rank = quantiles(in_chunks(x, 100), 1, shares)
    assert rank == 2
    np.testing.assert_allclose(found, np.nanquantile(x.astype(np.float64), shares, axis=0))


@pytest.mark.parametrize("held", [0, 1 << 30])
def test_a_feature_without_a_number_has_no_quantile(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(_quantiles, "_HELD_BYTES", held)
    x = np.array([[np.nan, 1.0], [np.nan, 3.0]], np.float32)
    found, _ = quantiles(in_chunks(x, 1), 1, (0.5,))
    assert np.isnan(found[0, 0])
    assert found[0, 1] == 2.0


@pytest.mark.parametrize(
    ("step", "values", "what"),
    [
        (Impute(), np.array([[1, np.nan], [2, np.nan]], np.float32), "number 2 of the input"),
        (Impute(strategy="median"), np.array([np.nan], np.float32), "has a value for the input"),
        (Pca(components=4), np.ones((9, 3), np.float32), "has 3 numbers a sample"),
        (Pca(components=3), np.ones((2, 3), np.float32), "has 2 samples"),
        (Ordinal(order=("a", "b")), np.array(["a", "c"], object), "`c` is in the training part"),
    ],
    ids=str,
)
def test_what_cannot_be_fitted_says_why(step: Preprocess, values: Array, what: str) -> None:
    with pytest.raises(ComponentError) as caught:
        running.load(step.name).fit(step, lambda: (values,))
    assert what in caught.value.message
    assert caught.value.help
