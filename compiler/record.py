"""`record`: a frozen dataclass that is cheap to define.

A frozen dataclass with slots costs over half a millisecond to define, since Python
compiles six methods of each; the syntax tree and the argument types alone would take
longer than checking a spec. A record compiles its constructor only and shares the other
methods. Type checkers hold it frozen; at run time nothing enforces it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[_T]) -> type[_T]:
    """Makes the class a record. Fields with `compare=False` take no part in equality and
    hash, fields with `repr=False` none in the text form."""
    if cls.__doc__ is None:
        # Else dataclasses derives a text from the signature, by way of inspect.
        cls.__doc__ = cls.__name__
    made: Any = dataclasses.dataclass(eq=False, repr=False)(cls)
    made.__eq__ = _equal
    made.__hash__ = _hash
    made.__repr__ = _text
    return made  # type: ignore[no-any-return]


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def component(cls: type[_T]) -> type[_T]:
    """The same with arguments by name only: what every named thing of a spec is."""
    made: Any = dataclasses.dataclass(init=False, eq=False, repr=False, kw_only=True)(cls)
    made.__init__ = _set_fields
    made.__eq__ = _equal
    made.__hash__ = _hash
    made.__repr__ = _text
    return made  # type: ignore[no-any-return]


class _Table:
    """The fields of a class: plain defaults, factories of others, names without one."""

    __slots__ = ("count", "defaults", "factories", "required")

    def __init__(self, cls: type) -> None:
        fields = dataclasses.fields(cls)
        missing = dataclasses.MISSING
        self.count = len(fields)
        self.defaults = {f.name: f.default for f in fields if f.default is not missing}
        self.factories: list[tuple[str, Any]] = [
            (f.name, f.default_factory) for f in fields if f.default_factory is not missing
        ]
        known = {*self.defaults, *(name for name, _ in self.factories)}
        self.required = [f.name for f in fields if f.name not in known]


_TABLES: dict[type, _Table] = {}


def _set_fields(self: Any, **values: Any) -> None:
    """The constructor that all components share: not one is compiled for each."""
    cls = type(self)
    table = _TABLES.get(cls)
    if table is None:
        table = _TABLES[cls] = _Table(cls)
    for name in table.required:
        if name not in values:
            raise TypeError(f"{cls.__name__} needs the argument {name!r}")
    own = self.__dict__
    own.update(table.defaults)
    own.update(values)
    for name, factory in table.factories:
        if name not in values:
            own[name] = factory()
    if len(own) != table.count:
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = next(name for name in values if name not in known)
        raise TypeError(f"{cls.__name__} has no argument {unknown!r}")


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, f.name) for f in dataclasses.fields(self) if f.compare)


def _equal(self: Any, other: object) -> Any:
    if self is other:
        return True
    if type(self) is not type(other):
        return NotImplemented
    return _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    return hash((type(self).__name__, _compared(self)))


def _text(self: Any) -> str:
    shown = ", ".join(
        f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr
    )
    return f"{type(self).__name__}({shown})"
