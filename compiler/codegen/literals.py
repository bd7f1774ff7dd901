"""Values of a spec as Python source.

The only way by which a value reaches generated code. Numbers and words go through
`repr`; what `repr` would not read back (`inf`, `nan`) is spelled as a call of `float`.
"""

from __future__ import annotations

import math
import re

from dlc.compiler.ir.protocols import Literal

_EXPONENT = re.compile(r"e([+-])0*(\d+)\Z")


def literal(value: Literal) -> str:
    """The source text of a number, flag, text, list or None; reading it gives `value` back."""
    if value is None or isinstance(value, bool):
        return repr(value)
    # `int(...)` and the like: a subclass could bring a `__repr__` of its own.
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, tuple | list):
        items = [literal(item) for item in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    raise TypeError(f"no source text for a value of type {type(value).__name__}")


def _number(value: float) -> str:
    if math.isnan(value):
        return 'float("nan")'
    if math.isinf(value):
        return 'float("inf")' if value > 0 else '-float("inf")'
    # 1e-05 and 1e-5 are one number; people write the second.
    return _EXPONENT.sub(lambda m: f"e{m[1].strip('+')}{m[2]}", repr(value))


def _text(value: str) -> str:
    plain = value.isascii() and value.isprintable() and not set(value) & {'"', "\\"}
    return f'"{value}"' if plain else ascii(value)


def annotation(values: tuple[Literal, ...]) -> str:
    """The type hint of a parameter that takes all of these values."""
    names = {_type_name(value) for value in values}
    if "float" in names:
        names.discard("int")
    none = "None" in names
    return " | ".join([*sorted(names - {"None"}), *(["None"] if none else [])])


def _type_name(value: Literal) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple | list):
        inner = annotation(tuple(value)) if value else "int"
        return f"tuple[{inner}, ...]"
    return type(value).__name__
