"""Arguments, sizes and types in the textual graph: writing and reading them.

6   0.5   1e-3   inf   true   none   "text"   [1, 2]   N   2 * ((H + 1) // 2)
normal(std=0.02)   float[N, 3, H, W]
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeAlias

from dlc.compiler.ir.dims import Dim, DimError, Poly, render, symbol
from dlc.compiler.ir.types import SPEC_DTYPES, TensorType

#: Makes a component of a kind ("op", "initializer") from its name and arguments; raises
#: ValueError where there is none or it refuses them.
Make: TypeAlias = Callable[[str, str, Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<sign>//|[-+*()\[\],=])
    )""",
    re.VERBOSE,
)
_MAX_DEPTH = 32


class TextError(ValueError):
    """A text that cannot be read; `line` is its number, 0 where it is not known yet."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


# ── writing ──────────────────────────────────────────────────────────────────


def write_value(value: object) -> str:
    """An argument as text."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case str():
            return json.dumps(value)
        case Poly():
            return render(value)
        case tuple() | list():
            return f"[{', '.join(write_value(item) for item in value)}]"
        case _ if hasattr(value, "__dataclass_fields__"):
            return write_component(value)
    raise TypeError(f"no text for a value of type {type(value).__name__}")


def write_component(component: Any) -> str:
    """`conv2d(out_channels=6, kernel_size=5)`: the arguments that are not the defaults."""
    given = []
    for f in fields(component):
        value = getattr(component, f.name)
        default = f.default if f.default_factory is MISSING else f.default_factory()
        if type(value) is not type(default) or value != default:
            given.append(f"{f.name}={write_value(value)}")
    return f"{component.name}({', '.join(given)})"


def write_type(type: TensorType) -> str:
    return f"{type.dtype.spec_name}[{', '.join(render(size) for size in type.shape)}]"


# ── reading ──────────────────────────────────────────────────────────────────


class Reader:
    """Reads values from one piece of text. `sizes` are the declared symbols; others range
    from 1 upwards."""

    def __init__(self, text: str, sizes: Mapping[str, Dim], make: Make) -> None:
        self._tokens = list(_tokens(text))
        self._position = 0
        self._depth = 0
        self._sizes = sizes
        self._make = make

    def at_end(self) -> bool:
        return self._position >= len(self._tokens)

    def _peek(self) -> str:
        return self._tokens[self._position][1] if not self.at_end() else ""

    def _next(self) -> tuple[str, str]:
        if self.at_end():
            raise TextError("the line ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self._position += 1
        return True

    def expect(self, sign: str) -> None:
        if not self._take(sign):
            raise TextError(f"expected `{sign}`, got `{self._peek() or 'the end of the line'}`")

    def name(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise TextError(f"expected a name, got `{text}`")
        return text

    def value(self) -> Any:
        """A literal, a list, a component, or a size as a sum of products."""
        self._enter()
        total = self._product()
        while self._peek() in ("+", "-"):
            sign = self._next()[1]
            other = self._product()
            total = _compute(sign, total, other)
        self._depth -= 1
        return total

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TextError("values are nested too deeply")

    def _product(self) -> Any:
        total = self._atom()
        while self._peek() in ("*", "//"):
            sign = self._next()[1]
            total = _compute(sign, total, self._atom())
        return total

    def _atom(self) -> Any:
        kind, text = self._next()
        if kind == "number":
            return int(text) if text.isdigit() else float(text)
        if kind == "text":
            return _string(text)
        if kind == "name":
            return self._named(text)
        if text == "-":
            self._enter()
            inner = self._atom()
            self._depth -= 1
            return _compute("-", 0, inner, negate=True)
        if text == "(":
            inner = self.value()
            self.expect(")")
            return inner
        if text == "[":
            return tuple(self._list("]"))
        raise TextError(f"expected a value, got `{text}`")

    def _named(self, text: str) -> Any:
        if self._peek() == "(":
            return self._make("initializer", text, self.arguments())
        words = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}
        if text in words:
            return words[text]
        return self._sizes.get(text, symbol(text))

    def _list(self, end: str) -> Iterator[Any]:
        while not self._take(end):
            yield self.value()
            if self._peek() != end:
                self.expect(",")

    def arguments(self) -> dict[str, Any]:
        """`(name=value, ...)`"""
        self.expect("(")
        given: dict[str, Any] = {}
        while not self._take(")"):
            name = self.name()
            self.expect("=")
            if name in given:
                raise TextError(f"the argument `{name}` is given twice")
            given[name] = self.value()
            if self._peek() != ")":
                self.expect(",")
        return given

    def type(self) -> TensorType:
        """`float[N, 3]`"""
        name = self.name()
        if name not in SPEC_DTYPES:
            raise TextError(f"`{name}` is not an element type")
        self.expect("[")
        shape = tuple(self._list("]"))
        for size in shape:
            if isinstance(size, bool) or not isinstance(size, int | Poly):
                raise TextError(f"`{size}` is not a size")
        return TensorType(SPEC_DTYPES[name], shape)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            if not text[position:].strip():
                return
            raise TextError(f"`{text[position:].strip()[:20]}` cannot be read")
        assert found.lastgroup is not None
        yield found.lastgroup, found[found.lastgroup]
        position = found.end()


def _string(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        raise TextError(f"{text} is not a text") from None
    assert isinstance(found, str)
    return found


def _compute(sign: str, a: Any, b: Any, *, negate: bool = False) -> Any:
    if negate and isinstance(b, float):
        return -b
    for side in (a, b):
        if isinstance(side, bool) or not isinstance(side, int | Poly):
            raise TextError(f"`{sign}` works on sizes, got `{side}`")
    try:
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case _:
                return a // b
    except (DimError, ZeroDivisionError) as problem:
        raise TextError(str(problem)) from None
