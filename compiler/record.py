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


def _set_fields(self: Any, **values: Any) -> None:
    """The constructor that all components share: not one is compiled for each."""
    for f in dataclasses.fields(self):
        if f.name in values:
            setattr(self, f.name, values.pop(f.name))
        elif f.default is not dataclasses.MISSING:
            setattr(self, f.name, f.default)
        elif f.default_factory is not dataclasses.MISSING:
            setattr(self, f.name, f.default_factory())
        else:
            raise TypeError(f"{type(self).__name__} needs the argument {f.name!r}")
    if values:
        raise TypeError(f"{type(self).__name__} has no argument {next(iter(values))!r}")


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
