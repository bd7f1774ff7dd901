"""Hashing and dates are in a browser what they are in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.compiler.components.preprocessing.hashing import Hashing
from dlc.runtime.data.steps.cyclic import CyclicStep
from dlc.runtime.data.steps.hashing import HashingStep
from tests import chromium

pytestmark = chromium.needed
PAGE = Path(__file__).parents[3] / "runtime" / "serving" / "page"
HASH = """
(async (values, given) => {
  const {bucket} = await import('/steps.js');
  return values.map((value) => bucket(value, given));
})(%s, %s)
"""
CIRCLE = """
(async (values, given) => {
  const {circled} = await import('/steps.js');
  return values.map((value) => {
    try {
      return circled(value, given);
    } catch (error) {
      return error.message;
    }
  });
})(%s, %s)
"""
PARTS = ("month", "day", "yearday", "weekday", "hour", "minute", "second")


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Page]:
    with chromium.page() as opened, chromium.served(PAGE) as url:
        opened.open(f"{url}page.css")
        yield opened


@pytest.mark.parametrize(("buckets", "seed"), [(2, 0), (4096, 0), (997, 1), (2**31, 123456789)])
def test_categories_fall_into_the_same_buckets(
    browser: chromium.Page, buckets: int, seed: int
) -> None:
    # Lengths round the 128 bytes of a block, and whole numbers as their digits.
    values = ["", "a", "Łódź", "日本", *("x" * n for n in (127, 128, 129, 255, 256, 257, 1000))]
    given: list[str | int] = [*values, 0, 7, -12, 2**40]
    step = Hashing(buckets=buckets, seed=seed)
    wanted = HashingStep().apply(step, np.array(given, object), {}).tolist()
    arguments = json.dumps({"buckets": buckets, "seed": seed})
    assert browser.run(HASH % (json.dumps(given), arguments)) == wanted


def test_dates_are_the_same_points(browser: chromium.Page) -> None:
    draw = np.random.default_rng(0)
    days = np.datetime64("1601-01-01") + draw.integers(0, 365 * 900, 300)
    times = [
        f"{d}T{h:02}:{m:02}:59"
        for d, (h, m) in zip(days, draw.integers(0, 24, (300, 2)), strict=True)
    ]
    given = [
        *times,
        "2024-02-29",
        "2023-12-31T23:59",
        "1900-02-28 00:00:01",
        "2000-02-29T13:05:00+02:00",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        " 2024-05-01 ",
    ]
    wanted = CyclicStep().apply(Cyclic(parts=PARTS), np.array(given, object), {})
    found = browser.run(CIRCLE % (json.dumps(given), json.dumps({"parts": PARTS})))
    np.testing.assert_array_equal(np.array(found, np.float32), wanted)


@pytest.mark.parametrize(
    "text",
    ["", "today", "2024-13-01", "2023-02-29", "2024-05-01T25:00", "2024-05-01T10:61", "0000-01-01"],
)
def test_what_is_no_date_is_told_of(browser: chromium.Page, text: str) -> None:
    (found,) = browser.run(CIRCLE % (json.dumps([text]), json.dumps({"parts": PARTS})))
    assert "is no date" in found
