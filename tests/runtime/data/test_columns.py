from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import BOOL, INT, DType, TensorType, float_tensor, int_tensor
from dlc.runtime.data import columns as reading
from dlc.runtime.data.columns import bind, extract
from dlc.runtime.failures import BAD_DATA, Failure

N, T = symbol("N"), symbol("T")
PATH = Path("rows.csv")


def array(
    columns: dict[str, Any],
    type: TensorType,
    pattern: str | tuple[str, ...] = "x",
    *,
    raw: DType | None = None,
    text: bool = False,
    rows: Any = 1,
) -> Any:
    table = pa.table(columns)
    (binding,) = bind(
        {"x": type},
        {"x": pattern},
        table.column_names,
        PATH,
        raw={} if raw is None else {"x": raw},
        text=("x",) if text else (),
    )
    return extract(table, binding, PATH, rows=rows)


def refused(
    columns: dict[str, Any],
    type: TensorType,
    pattern: str | tuple[str, ...] = "x",
    **options: Any,
) -> str:
    with pytest.raises(Failure) as caught:
        array(columns, type, pattern, **options)
    assert caught.value.exit_code == BAD_DATA
    return caught.value.diagnostic.message


def test_lists_are_read_row_major_into_the_declared_shape() -> None:
    pixels = np.arange(24, dtype=np.uint8)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(pixels), 12)
    found = array({"x": flat}, float_tensor(N, 1, 3, 4))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, pixels.reshape(2, 1, 3, 4))
    nested = [pixels[:12].reshape(3, 4).tolist(), pixels[12:].reshape(3, 4).tolist()]
    np.testing.assert_array_equal(
        array({"x": nested}, float_tensor(N, 1, 3, 4)), pixels.reshape(2, 1, 3, 4)
    )


def test_a_list_stacks_columns_in_its_own_order_each_once() -> None:
    columns = {"a": [1, 2], "p_1": [3, 4], "p_2": [5, 6]}
    found = array(columns, float_tensor(N, 3), ("p_*", "a", "p_1"))
    np.testing.assert_array_equal(found, [[3, 5, 1], [4, 6, 2]])
    message = refused(columns, float_tensor(N, 2), ("a", "q"))
    assert message == "`q`, wanted for `x`, is no column of `rows.csv`"


def test_a_glob_stacks_columns_in_the_order_of_the_table() -> None:
    columns = {"f_2": [1.0, 2.0], "other": ["a", "b"], "f_1": [3, 4]}
    found = array(columns, float_tensor(N, 2), "f_*")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 3], [2, 4]])


@pytest.mark.parametrize("tile", [1, 100, 1 << 20])
def test_many_columns_are_stacked_whatever_fits_a_tile(
    tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_TILE_BYTES", tile)
    draw = np.random.default_rng(0)
    given = [draw.random(33), draw.integers(0, 9, 33), draw.random(33, np.float32)]
    found = array({f"f{i}": values for i, values in enumerate(given)}, float_tensor(N, 3), "f*")
    np.testing.assert_array_equal(found, np.stack(given, axis=1).astype(np.float32))


def test_a_size_may_follow_from_the_rows() -> None:
    found = array({"x": [[1, 2, 3], [4, 5, 6]]}, int_tensor(N, T))
    assert found.shape == (2, 3)


@pytest.mark.parametrize(
    ("column", "type", "dtype", "values"),
    [
        (["1", "2.5"], float_tensor(N), np.float32, [1, 2.5]),
        (["1", "-2"], int_tensor(N), np.int64, [1, -2]),
        (["3.0", "4"], int_tensor(N), np.int64, [3, 4]),
        ([3.0, 4.0], int_tensor(N), np.int64, [3, 4]),
        (["true", "0"], TensorType(BOOL, (N,)), np.bool_, [True, False]),
        ([1, 0], TensorType(BOOL, (N,)), np.bool_, [True, False]),
        (pa.array([1, 2], pa.int8()), float_tensor(N), np.int8, [1, 2]),
        (pa.array([1, 2], pa.int16()), int_tensor(N), np.int16, [1, 2]),
        ([0.1, 0.2], float_tensor(N), np.float32, np.float32([0.1, 0.2])),
        ([0.1, 0.2], TensorType(DType.FLOAT64, (N,)), np.float64, [0.1, 0.2]),
        ([True, False], float_tensor(N), np.bool_, [True, False]),
        (pa.array(["5", "6"]).dictionary_encode(), int_tensor(N), np.int64, [5, 6]),
    ],
)
def test_values_keep_what_they_are(column: Any, type: TensorType, dtype: Any, values: Any) -> None:
    found = array({"x": column}, type)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_words_are_taken_only_where_they_may_stand() -> None:
    words = {"x": ["cat", "dog"]}
    assert array(words, int_tensor(N), text=True).tolist() == ["cat", "dog"]
    assert "row 1, column `x`: `cat` is not a number" in refused(words, int_tensor(N))
    assert array({"x": ["3", "4"]}, int_tensor(N), text=True).tolist() == [3, 4]
    assert array({"x": ["3", "4"]}, int_tensor(N), text=True, raw=DType.STRING).tolist() == [
        "3",
        "4",
    ]


@pytest.mark.parametrize(
    ("columns", "type", "says"),
    [
        ({"x": ["1", "x1"]}, float_tensor(N), "row 2, column `x`: `x1` is not a number"),
        ({"x": ["1", "nan"]}, float_tensor(N), "row 2, column `x`: `nan` is not a finite number"),
        ({"x": [1.0, float("inf")]}, float_tensor(N), "row 2, column `x`: `inf` is not a finite"),
        ({"x": [1, None]}, float_tensor(N), "row 2, column `x`: the value is missing"),
        ({"x": [[1, 2], [3, None]]}, float_tensor(N, 2), "row 2, column `x`: a value in the list"),
        ({"x": [[1, 2], [3]]}, float_tensor(N, 2), "row 2, column `x`: a list of 1 where"),
        ({"x": [1.0, 2.5]}, int_tensor(N), "row 2, column `x`: `2.5` is not a whole number"),
        ({"x": [1, 2]}, TensorType(BOOL, (N,)), "row 2, column `x`: `2` is not `true` or `false`"),
        ({"x": [[1, 2, 3]]}, float_tensor(N, 2), "holds 3 numbers a row, `float[N, 2]` wants 2"),
        ({"x": [1]}, float_tensor(N, 2), "holds 1 number a row"),
        ({"x": [b"1"]}, float_tensor(N), "holds `binary`, which is no number or text"),
    ],
)
def test_values_that_do_not_fit_are_named_by_row_and_column(
    columns: dict[str, Any], type: TensorType, says: str
) -> None:
    assert says in refused(columns, type)


def test_rows_are_named_by_the_numbers_given() -> None:
    bad = {"x": ["1", "x"]}
    assert "row 1,001," in refused(bad, float_tensor(N), rows=1000)
    assert "row 70," in refused(bad, float_tensor(N), rows=[50, 70])


def test_a_model_gets_the_type_that_it_takes_or_an_error() -> None:
    assert array({"x": [1, 255]}, float_tensor(N), raw=DType.UINT8).dtype == np.uint8
    for value in (256, -1):
        message = refused({"x": [1, value]}, float_tensor(N), raw=DType.UINT8)
        assert f"row 2, column `x`: `{value}` is not a whole number of type uint8" in message
    assert "`2.5`" in refused({"x": ["1", "2.5"]}, int_tensor(N), raw=DType.INT32)
    found = array({"x": [1, 2]}, float_tensor(N), raw=DType.FLOAT32)
    assert found.dtype == np.float32


def test_a_missing_column_is_refused_with_a_suggestion() -> None:
    with pytest.raises(Failure) as caught:
        bind({"image": float_tensor(N, 4)}, {"image": "imgae"}, ["image", "label"], PATH)
    assert caught.value.diagnostic.code.number == "E0605"
    assert caught.value.diagnostic.help == "`image` is one"
    with pytest.raises(Failure, match="`f_\\*`, wanted for `x`, matches no column"):
        bind({"x": float_tensor(N, 4)}, {"x": "f_*"}, ["a", "b"], PATH)


def test_a_name_that_is_not_mapped_is_its_own_column() -> None:
    types = {"a": float_tensor(N), "b": TensorType(INT, (N,))}
    found = bind(types, {"b": "B"}, ["a", "B"], PATH)
    assert [binding.columns for binding in found] == [("a",), ("B",)]
