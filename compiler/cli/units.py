"""Figures for people: bytes and times in units, where the exact number tells nothing more."""

from __future__ import annotations

import math
import re

_BYTES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def bytes_text(number: float) -> str:
    """`5.99 GB`, three digits of it; units are powers of a thousand, as memory is sold."""
    for name, size in _BYTES:
        # What rounds up to a thousand of a unit is one of the next.
        if number >= 0.9995 * size:
            return f"{_digits(number / size)} {name}"
    return f"{number:.3g} bytes"


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.3g}"


_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def read_figure(text: str, unit: str = "") -> float | None:
    """`312T`, `8 GB`, `16GiB`, `8e9`: a positive number with a prefix, and the unit where one
    is meant; None where the text is none."""
    found = re.match(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)\s*([A-Za-z/]*)\s*\Z", text)
    if found is None:
        return None
    prefix = found[2].removesuffix(unit) if unit else found[2]
    factor = {**_PREFIXES, **_BINARY}.get(prefix)
    number = float(found[1]) * (factor or 0.0)
    return number if number > 0.0 and math.isfinite(number) else None


def time_text(seconds: float) -> str:
    """`1.23 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{_digits(seconds / size)} {unit}"
    return f"{seconds * 1e9:.3g} ns"
