from __future__ import annotations

import pyarrow as pa
import pytest

from dlc.runtime.data.filters import Filter
from dlc.runtime.failures import Failure

TABLE = pa.table(
    {
        "year": [2023, 2024, 2025, None],
        "text": ["1", "2.5", "10", None],
        "city": ["Oslo", "Rome", "Ulm", "Oslo"],
        "two words": [True, False, True, False],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("year < 2025", [0, 1]),
        ("year >= 2024", [1, 2]),
        ("year != 2024", [0, 2]),
        ("year == null", [3]),
        ("year != null", [0, 1, 2]),
        ("text > 2", [1, 2]),
        ('text == "10"', [2]),
        ("city == Oslo", [0, 3]),
        ("city == 'Oslo' and year < 2025", [0]),
        ("city == Rome or year == 2025", [1, 2]),
        ("not city == Oslo", [1, 2]),
        ("not (city == Oslo or city == Ulm)", [1]),
        ("city == Oslo or city == Rome and year == 1", [0, 3]),
        ("year<2.024e3", [0]),
        ('"two words" == true', [0, 2]),
    ],
)
def test_rows_are_kept_by_comparisons(condition: str, rows: list[int]) -> None:
    assert Filter(condition).mask(TABLE).nonzero()[0].tolist() == rows


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "year",
        "year <",
        "5 < year",
        "year < 5 and",
        "(year < 5",
        "year < 5)",
        "year = 5",
        "year < null",
        "year < 5 year > 3",
        "__import__('os')",
        "year < 5; x == 1",
        "(" * 100_000 + "year < 5" + ")" * 100_000,
        "not " * 400 + "year < 5",
    ],
)
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(Failure) as caught:
        Filter(condition)
    assert caught.value.diagnostic.code.number == "E0307"


def test_values_of_another_kind_are_refused() -> None:
    with pytest.raises(Failure, match="column `city` cannot be compared with `5`"):
        Filter("city < 5").mask(TABLE)


def test_the_columns_that_are_read_are_known() -> None:
    assert Filter("a < 1 and (b == x or a > 5)").columns == ("a", "b")
