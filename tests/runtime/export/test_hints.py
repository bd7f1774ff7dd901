"""What a form may say of a column is what its steps were fitted to, before one changes it."""

from __future__ import annotations

import numpy as np
import pytest

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.clip import Clip
from dlc.compiler.components.preprocessing.impute import Impute
from dlc.compiler.components.preprocessing.log import Log
from dlc.compiler.components.preprocessing.max_abs import MaxAbs
from dlc.compiler.components.preprocessing.min_max import MinMax
from dlc.compiler.components.preprocessing.multi_hot import MultiHot
from dlc.compiler.components.preprocessing.ordinal import Ordinal
from dlc.compiler.components.preprocessing.robust import Robust
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.components.preprocessing.vocabulary import Vocabulary
from dlc.compiler.ir.types import DType
from dlc.runtime.data.preprocessing import InputRecord, fit
from dlc.runtime.export.hints import MOST_CHOICES, Hint, hints
from dlc.runtime.export.metadata import InputColumns, ModelInfo

NUMBERS = np.array([[1.0, 100.0], [2.0, 300.0], [3.0, 200.0], [2.0, 200.0]], np.float32)


def of(
    values: np.ndarray, *steps: Preprocess, columns: int = 0, **more: object
) -> tuple[Hint, ...]:
    statistics, _ = fit(values, steps)
    dtype = DType.STRING if values.dtype == object else DType(values.dtype.name)
    record = InputRecord(
        dtype=dtype,
        shape=values.shape[1:],
        columns=tuple(f"c{i}" for i in range(columns or int(np.prod(values.shape[1:])))),
        statistics=statistics,
        **more,  # type: ignore[arg-type]
    )
    return hints(record, steps)


def test_scaling_says_where_the_numbers_of_each_column_lie() -> None:
    assert of(NUMBERS, MinMax()) == (Hint(low=1, high=3), Hint(low=100, high=300))
    assert of(NUMBERS, MaxAbs()) == (Hint(low=-3, high=3), Hint(low=-300, high=300))
    first, second = of(NUMBERS, Standardize())
    assert (first.typical, second.typical) == (2, 200)
    assert first.low == pytest.approx(2 - 2 * 0.707, abs=0.01)
    assert second.high == pytest.approx(200 + 2 * 70.7, abs=1)
    first, _ = of(NUMBERS, Robust())
    assert first.typical == 2
    assert first.low is not None
    assert first.low < 2


def test_steps_that_leave_the_meaning_of_numbers_are_seen_through() -> None:
    gaps = np.where(NUMBERS == 3, np.nan, NUMBERS)
    first, second = of(gaps, Impute(strategy="constant", value=7), Clip(low=0), Standardize())
    assert (first.typical, first.low) == (7, 0)
    assert second.typical == 7
    assert of(NUMBERS, Log(), Standardize(), range=(1.0, 300.0)) == (Hint(low=1, high=300),) * 2
    assert of(NUMBERS, Log(), Standardize()) == ()


def test_categories_are_listed_as_far_as_a_person_can_choose() -> None:
    words = np.array(["b", "a", "b"], object)
    assert of(words, Vocabulary(), columns=1) == (Hint(choices=("b", "a")),)
    assert of(words, Ordinal(order=("a", "b")), columns=1) == (Hint(choices=("a", "b")),)
    lists = np.array(["b|a", "a"], object)
    assert of(lists, MultiHot(num_classes=3, separator="|"), columns=1)[0].choices == ("a", "b")
    many = np.array([f"w{i}" for i in range(MOST_CHOICES + 1)], object)
    assert of(many, Vocabulary(), columns=1) == ()


def test_of_pixels_the_factor_says_what_white_is() -> None:
    pixels = np.zeros((2, 1, 4, 4), np.uint8)
    assert of(pixels, Scale(factor=1 / 16), columns=1) == (Hint(low=0, high=16, whole=True),)


def test_whole_numbers_are_said_to_be_whole() -> None:
    assert of(np.array([[1], [5]], np.int64)) == (Hint(whole=True),)


def test_hints_are_written_into_the_file_and_read_again() -> None:
    given = (Hint(low=-1.5, high=2, typical=0), Hint(choices=("ä", "b")), Hint(whole=True), Hint())
    info = ModelInfo(inputs={"x": InputColumns(columns=("a", "b", "c", "d"), hints=given)})
    assert ModelInfo.read(info.properties(), "m").inputs["x"].hints == given
