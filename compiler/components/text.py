"""Python source text of values: plain literals by `repr`, nothing else.

The only way by which a value of a spec reaches generated code. What `repr` would not read
back (`inf`, `nan`) is spelled as a call of `float`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

_EXPONENT = re.compile(r"e([+-])0*(\d+)\Z")


def literal(value: object) -> str:
    """The source text of a number, flag, text, None or sequence of them, in ASCII; reading it
    gives the value back."""
    # `int(...)` and the like: a subclass could bring a `__repr__` of its own.
    match value:
        case None | bool():
            return repr(value)
        case int():
            return repr(int(value))
        case float():
            return _number(float(value))
        case str():
            return _text(str(value))
        case tuple():
            items = ", ".join(literal(item) for item in value)
            return f"({items},)" if len(value) == 1 else f"({items})"
        case list():
            return "[" + ", ".join(literal(item) for item in value) + "]"
    raise TypeError(f"no literal for a value of type {type(value).__name__}")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value}")'
    # 1e-05 and 1e-5 are one number; people write the second.
    return _EXPONENT.sub(lambda m: f"e{m[1].strip('+')}{m[2]}", repr(value))


def _text(value: str) -> str:
    plain = value.isascii() and value.isprintable() and not set(value) & {'"', "\\"}
    return f'"{value}"' if plain else ascii(value)


def call(function: str, arguments: Sequence[str], keywords: Mapping[str, str]) -> str:
    """A call, from the text of its arguments."""
    given = [*arguments, *(f"{name}={text}" for name, text in keywords.items())]
    return f"{function}({', '.join(given)})"
