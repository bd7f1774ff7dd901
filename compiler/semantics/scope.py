"""What the names in an expression stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Fix, Label
from dlc.compiler.ir.dims import Poly
from dlc.compiler.source import Span

Evaluated: TypeAlias = int | float | bool | str | Poly | list[Any] | None

_V = TypeVar("_V")


class Layered(Generic[_V]):
    """Names with what they stand for, in layers: an inner one sees the outer ones and adds
    to itself only. Making a layer costs the same however many names there are."""

    __slots__ = ("_outer", "_own")

    def __init__(self, own: dict[str, _V] | None = None, outer: Layered[_V] | None = None) -> None:
        self._own = {} if own is None else own
        self._outer = outer

    def inner(self, own: dict[str, _V] | None = None) -> Layered[_V]:
        return Layered(own, self)

    def get(self, name: str) -> _V | None:
        layer: Layered[_V] | None = self
        while layer is not None:
            if name in layer._own:
                return layer._own[name]
            layer = layer._outer
        return None

    def __contains__(self, name: str) -> bool:
        layer: Layered[_V] | None = self
        while layer is not None:
            if name in layer._own:
                return True
            layer = layer._outer
        return False

    def __setitem__(self, name: str, value: _V) -> None:
        self._own[name] = value

    def __iter__(self) -> Iterator[str]:
        """The names, outer ones first, in the order in which they came."""
        if self._outer is not None:
            yield from self._outer
        yield from self._own


@dataclass(slots=True)
class Scope:
    """Names in scope with their values: parameters, loop variables, dims.

    A block's scope has no parent: it sees its own parameters and the dims that its
    inputs bind, nothing from outside, so that it means the same in every file. A
    repeat's turn is a child of the scope around it.
    """

    names: dict[str, Evaluated] = field(default_factory=dict)
    parent: Scope | None = None
    used: set[str] = field(default_factory=set)

    def find(self, name: str) -> tuple[bool, Evaluated]:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                scope.used.add(name)
                return True, scope.names[name]
            scope = scope.parent
        return False, None

    def child(self, names: dict[str, Evaluated]) -> Scope:
        return Scope(names, self)

    def all_names(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


def error(
    number: str,
    message: str,
    span: Span,
    label: str = "",
    *,
    help: str | None = None,
    notes: tuple[str, ...] = (),
    secondary: tuple[Label, ...] = (),
    fix: Fix | None = None,
) -> DiagnosticError:
    """A diagnostic as an exception, for places that cannot go on."""
    return DiagnosticError(
        Diagnostic(code(number), message, Label(span, label), secondary, notes, help, fix)
    )
