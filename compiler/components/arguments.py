"""What a place in a spec accepts: argument types, derived from Python annotations.

A component declares its arguments as dataclass fields; this module turns the
annotation of a field into an `ArgumentType` that checks values, describes itself in
messages and pages, and gives its part of the JSON Schema.

    int, float, bool, str            a number, a flag, a text
    Annotated[int, Ge(1)]            with bounds (Ge, Gt, Le, Lt)
    Literal["same", "valid"]         a word
    tuple[int, ...], tuple[int, int] a list, of any or of fixed length
    A | B | None                     alternatives
    Dim                              a size, known or symbolic
    Annotated[str, Refers("value")]  the name of a value, input, output, target, column
    Initializer                      a component of that class's kind
    dict[str, X]                     a section with free keys
"""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, Literal, TypeAlias

from dlc.compiler.ir.dims import Poly
from dlc.compiler.record import record


@record
class Ge:
    value: float


@record
class Gt:
    value: float


@record
class Le:
    value: float


@record
class Lt:
    value: float


@record
class Refers:
    """The text is a name in the spec: of a value, input, output, target, column, layer or
    parameter; several kinds are joined by `|` (`"output|target"`)."""

    kind: str


@record
class IsPath:
    """The text is a path below the spec's folder."""


Positive = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Probability = Annotated[float, Ge(0), Lt(1)]
Fraction = Annotated[float, Ge(0), Le(1)]
Path = Annotated[str, IsPath()]
ValueName = Annotated[str, Refers("value")]
InputName = Annotated[str, Refers("input")]
OutputName = Annotated[str, Refers("output")]
TargetName = Annotated[str, Refers("target")]
OutputOrTarget = Annotated[str, Refers("output|target")]
ColumnName = Annotated[str, Refers("column")]


class Mismatch(Exception):
    """A value that its place does not accept. `bound` tells a wrong type from a wrong size."""

    def __init__(self, expected: str, *, bound: bool = False, words: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.bound = bound
        self.words = words


@record
class IntType:
    low: int | None = None
    high: int | None = None

    def check(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
                raise Mismatch(f"a whole number such as `{int(value)}`")
            raise Mismatch(self.describe())
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            raise Mismatch(self.describe(), bound=True)
        return value

    def describe(self) -> str:
        if self.low is not None and self.high is not None:
            return f"a whole number from {self.low} to {self.high}"
        if self.low is not None:
            return f"a whole number of at least {self.low}"
        if self.high is not None:
            return f"a whole number of at most {self.high}"
        return "a whole number"

    def schema(self) -> dict[str, Any]:
        # A string may hold an expression (`width * 2`), which only the compiler can judge.
        schema: dict[str, Any] = {"type": ["integer", "string"]}
        if self.low is not None:
            schema["minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        return schema


@record
class FloatType:
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def check(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Mismatch(self.describe())
        too_low = self.low is not None and (
            value < self.low or (self.low_open and value == self.low)
        )
        too_high = self.high is not None and (
            value > self.high or (self.high_open and value == self.high)
        )
        if too_low or too_high or value != value:
            raise Mismatch(self.describe(), bound=True)
        return float(value)

    def describe(self) -> str:
        parts = []
        if self.low is not None:
            parts.append(f"{'above' if self.low_open else 'of at least'} {self.low:g}")
        if self.high is not None:
            at_most = "at most" if parts else "of at most"
            parts.append(f"{'below' if self.high_open else at_most} {self.high:g}")
        return "a number" + (" " + " and ".join(parts) if parts else "")

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": ["number", "string"]}
        if self.low is not None:
            schema["exclusiveMinimum" if self.low_open else "minimum"] = self.low
        if self.high is not None:
            schema["exclusiveMaximum" if self.high_open else "maximum"] = self.high
        return schema


@record
class BoolType:
    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Mismatch(self.describe())
        return value

    def describe(self) -> str:
        return "`true` or `false`"

    def schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "string"]}


@record
class TextType:
    path: bool = False

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise Mismatch(self.describe())
        return value

    def describe(self) -> str:
        return "a path" if self.path else "a text"

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"]}


@record
class WordType:
    words: tuple[str, ...]

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise Mismatch(self.describe(), words=self.words)
        return value

    def describe(self) -> str:
        quoted = [f"`{word}`" for word in self.words]
        if len(quoted) == 1:
            return quoted[0]
        return "one of " + ", ".join(quoted[:-1]) + " or " + quoted[-1]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "examples": list(self.words)}


@record
class NullType:
    def check(self, value: object) -> None:
        if value is not None:
            raise Mismatch(self.describe())

    def describe(self) -> str:
        return "`null`"

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}


@record
class DimType:
    """A size: a whole number, or an expression over named sizes; -1 where an op infers it."""

    def check(self, value: object) -> object:
        if isinstance(value, Poly) or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise Mismatch(self.describe())

    def describe(self) -> str:
        return "a size"

    def schema(self) -> dict[str, Any]:
        return {"type": ["integer", "string"]}


@record
class ReferenceType:
    kinds: tuple[str, ...]

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise Mismatch(self.describe())
        return value

    def describe(self) -> str:
        return "the name of " + " or ".join(
            ("an " if kind[0] in "aeiou" else "a ") + kind for kind in self.kinds
        )

    def schema(self) -> dict[str, Any]:
        # A column may be called `1` or `true`.
        return {"type": ["string", "number", "boolean"] if "column" in self.kinds else "string"}


@record
class ComponentType:
    """A component of a kind; `name` is set where only that one will do (a section)."""

    kind: str
    name: str | None = None

    def check(self, value: object) -> object:
        if getattr(type(value), "kind", None) != self.kind or (
            self.name is not None and getattr(value, "name", None) != self.name
        ):
            raise Mismatch(self.describe())
        return value

    def describe(self) -> str:
        if self.name is not None:
            return f"the keys of `{self.name}`"
        article = "an" if self.kind[0] in "aeiou" else "a"
        return f"{article} {self.kind}"

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/definitions/" + ".".join(filter(None, (self.kind, self.name)))}


@record
class ListType:
    """A list; `length` None is any length, and then one item may stand without brackets."""

    item: ArgumentType
    length: int | None = None

    def check(self, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            if self.length is not None:
                raise Mismatch(self.describe())
            value = (value,)
        if self.length is not None and len(value) != self.length:
            raise Mismatch(self.describe(), bound=True)
        return tuple(self.item.check(item) for item in value)

    def describe(self) -> str:
        if self.length is not None:
            return f"a list of {self.length}, each {self.item.describe()}"
        return f"a list, each {self.item.describe()}"

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": ["array", "string"], "items": self.item.schema()}
        if self.length is not None:
            schema |= {"minItems": self.length, "maxItems": self.length}
            return schema
        # One item may stand for a list of one.
        return {"anyOf": [schema, self.item.schema()]}


@record
class MappingType:
    """A section with free keys."""

    value: ArgumentType

    def check(self, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Mismatch(self.describe())
        return {key: self.value.check(item) for key, item in value.items()}

    def describe(self) -> str:
        return "a section of keys, each with " + self.value.describe()

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.schema()}


@record
class UnionType:
    options: tuple[ArgumentType, ...]

    def check(self, value: object) -> Any:
        bound: Mismatch | None = None
        words: tuple[str, ...] = ()
        for option in self.options:
            try:
                return option.check(value)
            except Mismatch as problem:
                words += problem.words
                if problem.bound:
                    bound = problem
        if bound is not None:
            raise bound
        raise Mismatch(self.describe(), words=words)

    def describe(self) -> str:
        shown: list[str] = []
        for option in self.options:
            if isinstance(option, ListType) and option.item in self.options and option.length:
                shown.append(f"a list of {option.length} of them")
            elif not isinstance(option, NullType):
                shown.append(option.describe())
        return ", or ".join(shown)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [option.schema() for option in self.options]}


@record
class AnyType:
    """Whatever the expression gives: numbers, words, texts, lists."""

    def check(self, value: object) -> object:
        return value

    def describe(self) -> str:
        return "a value"

    def schema(self) -> dict[str, Any]:
        return {}


ArgumentType: TypeAlias = (
    IntType
    | FloatType
    | BoolType
    | TextType
    | WordType
    | NullType
    | DimType
    | ReferenceType
    | ComponentType
    | ListType
    | MappingType
    | UnionType
    | AnyType
)


_PLAIN: dict[Any, ArgumentType] = {
    int: IntType(),
    float: FloatType(),
    bool: BoolType(),
    str: TextType(),
}


def from_annotation(annotation: Any) -> ArgumentType:
    """The argument type that a field's annotation declares; a TypeError is ours to fix."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        base, *marks = typing.get_args(annotation)
        return _with_marks(from_annotation(base), marks)
    if origin is Literal:
        return WordType(tuple(str(word) for word in typing.get_args(annotation)))
    if origin in (types.UnionType, typing.Union):
        members = set(typing.get_args(annotation))
        if members == {int, Poly}:
            return DimType()
        if {int, Poly} <= members:
            rest = [m for m in typing.get_args(annotation) if m not in (int, Poly)]
            return UnionType((DimType(), *(from_annotation(m) for m in rest)))
        return UnionType(tuple(from_annotation(m) for m in typing.get_args(annotation)))
    if origin is tuple:
        items = typing.get_args(annotation)
        if len(items) == 2 and items[1] is Ellipsis:
            return ListType(from_annotation(items[0]))
        return ListType(from_annotation(items[0]), length=len(items))
    if origin is dict:
        return MappingType(from_annotation(typing.get_args(annotation)[1]))
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is None or annotation is type(None):
        return NullType()
    if annotation in (Any, object):
        return AnyType()
    if isinstance(annotation, type) and hasattr(annotation, "kind"):
        return ComponentType(annotation.kind, annotation.__dict__.get("name"))
    raise TypeError(f"no argument type for the annotation {annotation!r}")


def _with_marks(base: ArgumentType, marks: list[Any]) -> ArgumentType:
    low: float | None = None
    high: float | None = None
    low_open = high_open = False
    for mark in marks:
        match mark:
            case Ge(value=value):
                low = value
            case Gt(value=value):
                low, low_open = value, True
            case Le(value=value):
                high = value
            case Lt(value=value):
                high, high_open = value, True
            case Refers(kind=kind):
                return ReferenceType(tuple(kind.split("|")))
            case IsPath():
                return TextType(path=True)
    if isinstance(base, IntType):
        return IntType(
            None if low is None else int(low) + low_open,
            None if high is None else int(high) - high_open,
        )
    if isinstance(base, FloatType):
        return FloatType(low, high, low_open, high_open)
    return base
