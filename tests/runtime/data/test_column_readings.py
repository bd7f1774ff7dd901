"""Columns as the first step of an input wants them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.log import Log
from dlc.compiler.components.preprocessing.multi_hot import MultiHot
from dlc.compiler.components.preprocessing.vocabulary import Vocabulary
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.runtime.data.columns import bind, extract
from dlc.runtime.data.raw import reading
from dlc.runtime.failures import Failure


def read(values: Any, step: Preprocess, declared: TensorType) -> Any:
    """One column, read for a chain of one step."""
    how = reading((step,), declared)
    assert how is not None
    raw = {"x": DType.STRING} if how.texts else {}
    (binding,) = bind({"x": how.type}, {}, ("x",), Path("rows.csv"), raw=raw, readings={"x": how})
    return extract(pa.table({"x": values}), binding, Path("rows.csv"))


def test_missing_numbers_become_nan_where_they_are_filled_later() -> None:
    step, declared = Impute(), float_tensor(symbol("N"), 1)
    for values in (
        [1, None, 3],
        [1.0, None, 3.0],
        pa.array(["1", None, "3"]),
        [[1.0], [None], [3.0]],
        [1.0, float("nan"), 3.0],
    ):
        found = read(values, step, declared)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, [[1], [np.nan], [3]])
    found = read(pa.array([True, None, False]), step, declared)
    np.testing.assert_array_equal(found, [[1], [np.nan], [0]])
    assert np.isnan(read(pa.nulls(3), step, declared)).all()
    with pytest.raises(Failure, match="row 2, column `x`: `inf` is not a finite number"):
        read([1.0, float("inf")], step, declared)


def test_categories_are_texts_or_whole_numbers() -> None:
    step, declared = Vocabulary(), int_tensor(symbol("N"))
    assert read(["007", "7"], step, declared).tolist() == ["007", "7"]
    codes = read(pa.array([7, 8], pa.uint8()), step, declared)
    assert (codes.dtype, codes.tolist()) == (np.uint8, [7, 8])
    with pytest.raises(Failure, match="holds `double`, and `x` takes texts or whole numbers"):
        read([7.5, 8.0], step, declared)
    with pytest.raises(Failure, match="row 2, column `x`: the value is missing"):
        read(["a", None], step, declared)
    pairs = read([["a", "b"], ["c", "d"]], step, int_tensor(symbol("N"), 2))
    assert pairs.tolist() == [["a", "b"], ["c", "d"]]


def test_lists_of_categories_are_joined() -> None:
    step, declared = MultiHot(num_classes=4), float_tensor(symbol("N"), 4)
    found = read([["a", "b"], [], ["c"]], step, declared)
    assert found.tolist() == ["a|b", "", "c"]
    assert read([[1, 2], [3]], step, declared).tolist() == ["1|2", "3"]
    with pytest.raises(Failure, match=r"row 2, column `x`: a piece .* holds the separator `\|`"):
        read([["a"], ["b", "c|d"]], step, declared)


def test_dates_are_written_as_iso_has_them() -> None:
    step, declared = Cyclic(parts=("month", "hour")), float_tensor(symbol("N"), 4)
    at = datetime(2024, 5, 1, 13, 5)
    for values, text in (
        (["2024-05-01"], "2024-05-01"),
        ([at.date()], "2024-05-01"),
        (pa.array([at], pa.timestamp("ns")), "2024-05-01 13:05:00.000000"),
        (pa.array([at], pa.timestamp("s", "UTC")), "2024-05-01 13:05:00.000000Z"),
    ):
        assert read(values, step, declared).tolist() == [text]
    with pytest.raises(Failure, match="row 2, column `x`: `2024-13-01` is no date"):
        read(["2024-12-01", "2024-13-01"], step, declared)
    with pytest.raises(Failure, match="row 3, column `x`: `log` of -2 is no number"):
        read([1.0, 2.0, -2.0], Log(), float_tensor(symbol("N")))
