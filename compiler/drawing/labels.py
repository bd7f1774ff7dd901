"""The words of a picture: arguments, shapes and numbers as a paper would print them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from dlc.compiler.diagnostics.render.display import visible
from dlc.compiler.ir.dims import Dim, Poly, Symbol
from dlc.compiler.ir.literal_text import write_component, write_value
from dlc.compiler.ir.types import DType, TensorType

_SIZES: Final = ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size")
_STARTS: Final = ("init", "bias_init")  # how weights start says nothing of the architecture
_DIMENSIONS: Final = re.compile(r"([123])d\Z")
_PLAIN: Final = re.compile(r"[\w.,>\- ]+\Z")


def argument_notes(op: Any) -> Iterator[str]:
    """The arguments of an op that say what it is: those without a default bare, the others
    by name where they are not the default: `64`, `3×3`, `stride 2`, `no bias`."""
    found = _DIMENSIONS.search(op.name)
    dimensions = int(found[1]) if found else 1
    for f in dataclasses.fields(op):
        if f.name in _STARTS:
            continue
        value = getattr(op, f.name)
        default = f.default
        if f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        if default is dataclasses.MISSING:
            yield from _required(f.name, value, dimensions)
        elif type(value) is not type(default) or value != default:
            yield _optional(f.name, value)


def _required(name: str, value: object, dimensions: int) -> Iterator[str]:
    if name == "kernel_size" and isinstance(value, int):
        yield "×".join([str(value)] * dimensions) if dimensions > 1 else f"kernel {value}"
    elif name in ("start_dim", "end_dim", "dim"):
        yield f"{name} {_text(value)}"
    else:
        yield _text(value, name)


def _optional(name: str, value: object) -> str:
    if value is True:
        return name
    if value is False:
        return f"no {name}"
    if name == "scalar":
        return _text(value)
    return f"{name} {_text(value, name)}"


def _text(value: object, name: str = "") -> str:
    if isinstance(value, str):
        return visible(value if _PLAIN.match(value) else write_value(value))
    if isinstance(value, tuple | list) and value:
        if name in _SIZES and all(isinstance(item, int | Poly) for item in value):
            return "×".join(size_text(item) for item in value)
        if all(isinstance(item, int | float | Poly) for item in value):
            return f"({', '.join(_text(item) for item in value)})"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Poly):
        return size_text(value)
    return visible(write_value(value))


def block_notes(arguments: tuple[tuple[str, object], ...]) -> Iterator[str]:
    """The arguments of a block by name: `width 64`."""
    for name, value in arguments:
        yield f"{name} {_text(value, name)}" if value is not True else name


def all_arguments(op: Any) -> Iterator[tuple[str, str]]:
    """Every argument of an op with its value, defaults included; how weights start is told
    with the weights."""
    for f in dataclasses.fields(op):
        if f.name not in _STARTS:
            yield f.name, visible(write_value(getattr(op, f.name)))


def initializer_text(initializer: object | None) -> str:
    return "" if initializer is None else visible(write_component(initializer))


# ── shapes ───────────────────────────────────────────────────────────────────


def size_text(size: Dim) -> str:
    """One size: `64`, `T`, `(2·T+1)`."""
    text = str(size).replace(" ", "").replace("*", "·")
    return f"({text})" if re.search(r"[-+/]", text[1:]) else text


@lru_cache(maxsize=4096)
def shape_text(type: TensorType) -> str:
    """`N×64×56×56`; other element types than the model's float stand in front."""
    sizes = "×".join(map(size_text, type.shape)) or "scalar"
    return sizes if type.dtype is DType.FLOAT32 else f"{type.dtype.spec_name} {sizes}"


# ── numbers ──────────────────────────────────────────────────────────────────

_UNITS: Final = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def short(number: int) -> str:
    """Three digits and a unit: `9.41 k`, `11.7 M`."""
    magnitude = abs(number)
    for unit, letter in _UNITS:
        # What rounds up to a thousand is told in the next unit.
        if magnitude >= unit * 0.9995:
            value = number / unit
            digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
            return f"{value:.{digits}f} {letter}"
    return str(number)


def amount(size: Dim) -> str:
    """A count that may depend on sizes: `1.81 G`, `2.10 M·T + 1.02 k·T²`."""
    if isinstance(size, int):
        return short(size)
    parts: list[str] = []
    for monomial, coefficient in size.terms:
        powers: dict[str, int] = {}
        for atom in monomial:
            name = atom.name if isinstance(atom, Symbol) else f"({size_text(Poly(_one(atom)))})"
            powers[name] = powers.get(name, 0) + 1
        factors = [name + _RAISED.get(n, f"^{n}") for name, n in powers.items()]
        number = "" if coefficient == 1 and factors else short(abs(coefficient))
        text = "·".join([number, *factors] if number else factors)
        sign = "−" if coefficient < 0 else "+"
        parts.append(f" {sign} {text}" if parts else ("−" + text if sign == "−" else text))
    return "".join(parts)


_RAISED: Final = {1: "", 2: "²", 3: "³"}


def _one(atom: Any) -> tuple[tuple[tuple[Any, ...], int], ...]:
    return (((atom,), 1),)
