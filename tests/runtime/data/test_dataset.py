from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.dataset import Bound, DataSet, prepare
from dlc.runtime.data.preprocessing import Preprocessing, apply, fit
from dlc.runtime.failures import Failure

MNIST = Path(__file__).parents[3] / "specs" / "data"
N = symbol("N")


def rows(folder: Path, count: int = 100, **columns: Any) -> Path:
    draw = np.random.default_rng(0)
    table = {
        "a": draw.normal(5, 3, count).round(4),
        "b": draw.normal(-1, 0.1, count).round(4),
        "kind": [["cat", "dog", "eel"][i % 3] for i in range(count)],
        "year": [2000 + i for i in range(count)],
        **columns,
    }
    pq.write_table(pa.table(table), folder / "rows.parquet")
    return folder


def prepared(root: Path, *, data: Data | None = None, **options: Any) -> DataSet:
    chosen = data or Data(source="rows.parquet", columns={"x": "[ab]", "label": "kind"})
    return prepare(
        chosen,
        inputs={"x": float_tensor(N, 2)},
        targets={"label": int_tensor(N)},
        root=root,
        **options,
    )


def refused(root: Path, **options: Any) -> str:
    with pytest.raises(Failure) as caught:
        prepared(root, **options)
    return caught.value.diagnostic.message


def test_statistics_are_of_the_training_part_alone(tmp_path: Path) -> None:
    found = prepared(rows(tmp_path), preprocess={"x": (Standardize(),)})
    train = found.arrays["x"][found.division.train]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    assert abs(found.arrays["x"][found.division.test].mean(axis=0)).max() > 1e-3
    assert found.arrays["x"].dtype == np.float32


def test_rows_of_other_parts_cannot_change_the_statistics(tmp_path: Path) -> None:
    before = prepared(rows(tmp_path), preprocess={"x": (Standardize(),)})
    raw = pq.read_table(tmp_path / "rows.parquet").to_pydict()
    for row in before.division.test:
        raw["a"][row] = 1e6
    pq.write_table(pa.table(raw), tmp_path / "rows.parquet")
    after = prepared(tmp_path, preprocess={"x": (Standardize(),)})
    for first, second in zip(
        before.preprocessing.inputs["x"].statistics,
        after.preprocessing.inputs["x"].statistics,
        strict=True,
    ):
        np.testing.assert_array_equal(first["mean"], second["mean"])


def test_class_names_become_numbers_in_sorted_order(tmp_path: Path) -> None:
    found = prepared(rows(tmp_path))
    assert found.preprocessing.labels == {"label": ("cat", "dog", "eel")}
    assert found.arrays["label"].tolist() == [i % 3 for i in range(100)]
    assert found.arrays["label"].dtype == np.int64


def test_a_class_that_training_never_sees_is_refused(tmp_path: Path) -> None:
    rows(tmp_path)
    division = prepared(tmp_path).division
    kinds = ["cat"] * 100
    kinds[division.test[0]] = "yak"
    message = refused(rows(tmp_path, kind=kinds))
    assert f"row {division.test[0] + 1}, column `kind`: no row of the training part" in message


def test_more_classes_than_outputs_are_refused(tmp_path: Path) -> None:
    bound = {"label": Bound(high=1, reason="`logits` has 2 classes")}
    assert "has 3 classes, `logits` has 2 classes" in refused(rows(tmp_path), bounds=bound)
    data = Data(source="rows.parquet", columns={"x": "[ab]", "label": "year"})
    bound = {"label": Bound(high=2050, reason="`logits` has 2051 classes")}
    message = refused(tmp_path, data=data, bounds=bound)
    assert "row 52, column `year`: `2051` is not from 0 to 2050" in message
    bound = {"label": Bound(high=2050, ignored=2051, reason="")}
    assert "row 53," in refused(tmp_path, data=data, bounds=bound)


def test_filtered_rows_keep_their_numbers(tmp_path: Path) -> None:
    data = Data(
        source="rows.parquet",
        columns={"x": "[ab]", "label": "kind"},
        where="year >= 2040 and kind != eel",
    )
    found = prepared(rows(tmp_path), data=data)
    assert found.rows[0] == 41
    assert len(found) == 40
    assert found.preprocessing.labels == {"label": ("cat", "dog")}
    data = Data(source="rows.parquet", columns={"x": "[ab]", "label": "kind"}, where="year < 0")
    assert "has no rows that `year < 0` keeps" in refused(tmp_path, data=data)


def test_rows_are_stratified_by_target_or_column(tmp_path: Path) -> None:
    rows(tmp_path)
    by = {
        name: prepared(
            tmp_path,
            data=Data(
                source="rows.parquet",
                columns={"x": "[ab]", "label": "kind"},
                split=Split(stratify=name),
            ),
        ).division.test.tolist()
        for name in ("label", "kind")
    }
    assert by["label"] == by["kind"]
    data = Data(
        source="rows.parquet",
        columns={"x": "[ab]", "label": "kind"},
        split=Split(stratify="knid"),
    )
    assert "`knid`, which `data.split.stratify` names, is no column" in refused(tmp_path, data=data)


def test_what_was_fitted_is_taken_again(tmp_path: Path) -> None:
    steps = {"x": (Scale(factor=0.5), Standardize())}
    first = prepared(rows(tmp_path), preprocess=steps)
    again = Preprocessing.from_files(first.preprocessing.files())
    second = prepared(tmp_path, preprocess=steps, fitted=again)
    np.testing.assert_array_equal(first.arrays["x"], second.arrays["x"])
    assert again.labels == first.preprocessing.labels
    assert first.preprocessing.files() == again.files()


def test_steps_on_texts_take_no_numbers(tmp_path: Path) -> None:
    message = refused(rows(tmp_path), preprocess={"x": (Lowercase(),)})
    assert "column `a`" in message
    assert "holds `double`, and `x` takes texts" in message


def test_images_are_standardized_per_channel_and_constants_stay_finite() -> None:
    draw = np.random.default_rng(1)
    images = draw.integers(0, 255, (50, 3, 4, 4)).astype(np.uint8)
    images[:, 1] = 7
    (statistics,), values = fit(images, (Standardize(),))
    assert statistics["mean"].shape == (1, 3, 1, 1)
    np.testing.assert_allclose(values[:, 0].mean(), 0, atol=1e-5)
    assert (values[:, 1] == 0).all()
    constant = np.full((1000, 1), 0.1, np.float32)
    _, values = fit(constant, (Standardize(),))
    assert abs(values).max() < 1e-6


def test_scale_multiplies_as_the_exported_graph_does() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    found = apply(pixels, (Scale(factor=1 / 255),), ({},), float_tensor(N, 1))
    np.testing.assert_array_equal(found, pixels.astype(np.float32) * np.float32(1 / 255))


def test_the_digits_are_ten_thousand_with_a_thousand_held_out() -> None:
    found = prepare(
        Data(source="mnist10k.parquet", split=Split(stratify="label")),
        inputs={"image": float_tensor(N, 1, 28, 28)},
        targets={"label": int_tensor(N)},
        root=MNIST,
        preprocess={"image": (Scale(factor=1 / 255),)},
    )
    assert found.arrays["image"].shape == (10_000, 1, 28, 28)
    assert found.preprocessing.inputs["image"].dtype.value == "uint8"
    assert len(found.division.test) == 1_000
    assert abs(found.arrays["image"].mean() - 0.1311) < 1e-3
    counts = np.bincount(found.arrays["label"][found.division.test])
    assert counts.min() >= 86
    assert found.sha256 in (MNIST / "mnist10k.md").read_text()
