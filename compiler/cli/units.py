"""Figures for people: bytes and counts in units, where the exact number tells nothing more."""

from __future__ import annotations

_BYTES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_COUNTS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))


def bytes_text(number: float) -> str:
    """`5.99 GB`, three digits of it; units are powers of a thousand, as memory is sold."""
    return _scaled(number, _BYTES, "bytes")


def count_text(number: float, unit: str = "") -> str:
    """`1.81 G`, and a unit of its own behind it: `1.81 GFLOP/s`."""
    return _scaled(number, tuple((f"{prefix}{unit}", size) for prefix, size in _COUNTS), unit)


def _scaled(number: float, units: tuple[tuple[str, int], ...], plain: str) -> str:
    for name, size in units:
        # What rounds up to a thousand of a unit is one of the next.
        if number >= 0.9995 * size:
            return f"{_digits(number / size)} {name}"
    return f"{number:.3g} {plain}".rstrip()


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.3g}"
