"""Figures in units, written and read."""

from __future__ import annotations

import pytest

from dlc.compiler.cli.units import bytes_text, read_figure, time_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (5_988_117_888, "5.99 GB"),
        (49_900_000_000, "49.9 GB"),
        (3_000_000_000_000_000, "3000 TB"),
    ],
)
def test_bytes_have_three_digits(number: int, text: str) -> None:
    assert bytes_text(number) == text


def test_times_have_three_digits() -> None:
    texts = [time_text(seconds) for seconds in (12.34, 0.01234, 1.234e-5, 2e-8, 0)]
    assert texts == ["12.3 s", "12.3 ms", "12.3 µs", "20 ns", "0 ns"]


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("8GB", "B", 8e9),
        ("16 GiB", "B", 16 * 2.0**30),
        ("312T", "", 312e12),
        ("1.5e3", "B", 1500.0),
        ("64", "B", 64.0),
        ("64B", "B", 64.0),
        ("0GB", "B", None),
        ("-8GB", "B", None),
        ("8 XB", "B", None),
        ("GB", "B", None),
        ("", "", None),
        ("1e999", "", None),
    ],
)
def test_figures_are_read_with_prefix_and_unit(text: str, unit: str, number: float | None) -> None:
    assert read_figure(text, unit) == number
