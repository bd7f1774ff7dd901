"""Symbolic sizes computed inside an ONNX graph, from the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.dims import Dim, FloorDiv, Poly, Symbol, symbols
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ir.types import DType, TensorType


class _Record(Protocol):
    def node(
        self,
        path: str,
        op_type: str,
        inputs: Sequence[str | None],
        outputs: int,
        domain: str = "",
        attributes: dict[str, Attribute] | None = None,
    ) -> tuple[str, ...]: ...

    def constant(
        self, path: str, values: Sequence[int], dtype: DType, shape: tuple[int, ...]
    ) -> str: ...


class Sizes:
    """Makes a tensor of any size that the graph's symbols determine.

    A symbol is read where an input has it as a dim; failing that it is solved from a dim
    that is linear in it (`2*T + 1`). Each symbol and each derived size is computed once,
    as an int64 vector of one element.
    """

    _PATH = "sizes"

    def __init__(self, record: _Record) -> None:
        self._record = record
        self._sources: list[tuple[str, int, Poly]] = []
        self._known: dict[Dim, str] = {}

    def add_source(self, value: str, type_: TensorType) -> None:
        """Sizes may be read from the shape of this value from now on."""
        self._sources.extend(
            (value, axis, dim) for axis, dim in enumerate(type_.shape) if isinstance(dim, Poly)
        )

    def vector(self, path: str, dims: Sequence[Dim]) -> str:
        """The sizes as a one-dimensional int64 tensor."""
        if all(isinstance(dim, int) for dim in dims):
            return self._integers(path, [dim for dim in dims if isinstance(dim, int)])
        parts: list[str] = []
        known: list[int] = []
        for dim in dims:
            if isinstance(dim, int):
                known.append(dim)
                continue
            if known:
                parts.append(self._integers(path, known))
                known = []
            parts.append(self._one(dim))
        if known:
            parts.append(self._integers(path, known))
        if len(parts) == 1:
            return parts[0]
        return self._record.node(path, "Concat", parts, 1, attributes={"axis": 0})[0]

    def scalar(self, path: str, dim: Dim) -> str:
        """The size as an int64 tensor without dims."""
        if isinstance(dim, int):
            return self._record.constant(path, (dim,), DType.INT64, ())
        axes = self._integers(path, [0])
        return self._record.node(path, "Squeeze", [self._one(dim), axes], 1)[0]

    def _integers(self, path: str, values: Sequence[int]) -> str:
        return self._record.constant(path, tuple(values), DType.INT64, (len(values),))

    def _one(self, dim: Dim) -> str:
        found = self._known.get(dim)
        if found is None:
            found = self._known[dim] = self._compute(dim)
        return found

    def _compute(self, dim: Dim) -> str:
        if isinstance(dim, int):
            return self._integers(self._PATH, [dim])
        for value, axis, source in self._sources:
            if source == dim:
                attributes: dict[str, Attribute] = {"start": axis, "end": axis + 1}
                return self._record.node(self._PATH, "Shape", [value], 1, attributes=attributes)[0]
        if _is_symbol(dim):
            return self._solve(dim)
        total: str | None = None
        for monomial, coefficient in dim.terms:
            factors = [self._atom(atom) for atom in monomial]
            if coefficient != 1 or not factors:
                factors.append(self._one(coefficient))
            term = factors[0]
            for factor in factors[1:]:
                term = self._binary("Mul", term, factor)
            total = term if total is None else self._binary("Add", total, term)
        assert total is not None
        return total

    def _atom(self, atom: Symbol | FloorDiv) -> str:
        if isinstance(atom, Symbol):
            return self._one(Poly((((atom,), 1),)))
        # ONNX divides towards zero; in canonical form no numerator has a negative term.
        return self._binary("Div", self._one(atom.numerator), self._one(atom.divisor))

    def _solve(self, wanted: Poly) -> str:
        """A symbol that stands in no shape by itself, from `a*S + rest`."""
        name = next(iter(symbols(wanted)))
        for value, axis, source in self._sources:
            factor = dict(source.terms).get(wanted.terms[0][0])
            if factor is None:
                continue
            rest = source - wanted * factor
            if name in symbols(rest) or not set(symbols(rest)) <= self._readable(name):
                continue
            attributes: dict[str, Attribute] = {"start": axis, "end": axis + 1}
            size = self._record.node(self._PATH, "Shape", [value], 1, attributes=attributes)[0]
            if rest != 0:
                size = self._binary("Sub", size, self._one(rest))
            return size if factor == 1 else self._binary("Div", size, self._one(factor))
        raise ComponentError(
            "E0614",
            f"the size `{name}` cannot be read from the shape of an input",
            help=f"give an input that has `{name}` as a dim of its own",
        )

    def _readable(self, but: str) -> set[str]:
        """Symbols that stand alone in the shape of an input."""
        alone = {next(iter(symbols(dim))) for _, _, dim in self._sources if _is_symbol(dim)}
        return alone - {but}

    def _binary(self, op_type: str, left: str, right: str) -> str:
        return self._record.node(self._PATH, op_type, [left, right], 1)[0]


def _is_symbol(dim: Poly) -> bool:
    if len(dim.terms) != 1:
        return False
    monomial, coefficient = dim.terms[0]
    return coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol)
