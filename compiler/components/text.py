"""Python source text of values: plain literals by `repr`, nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def literal(value: object) -> str:
    """A number, flag, text or sequence of them as Python source."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        # repr prefers single quotes; generated code is formatted with double ones.
        quoted = repr(value)
        return quoted if '"' in value else '"' + quoted[1:-1].replace("\\'", "'") + '"'
    if isinstance(value, tuple):
        items = ", ".join(literal(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(f"no literal for {value!r}")


def call(function: str, arguments: Sequence[str], keywords: Mapping[str, str]) -> str:
    """A call, from the text of its arguments."""
    given = [*arguments, *(f"{name}={text}" for name, text in keywords.items())]
    return f"{function}({', '.join(given)})"
