"""Sizes: integers, or integer polynomials over named sizes with floor division.

A `Dim` is a Python `int` where the size is known. Otherwise it is a `Poly` in
canonical form over atoms, an atom being a `Symbol` (`N`) or a `FloorDiv`
(`(H + 1) // 2`), so that equality of forms is equality of structure. Division is by
positive constants only. Comparison has three answers, never two: see `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

INFINITY = 1 << 62
#: Atoms and terms of one size, nested ones included, and floors inside each other. Sizes of
#: real networks have under ten parts; without a bound, joining a value with its own halves
#: doubles the form at every step.
MAX_PARTS = 512
MAX_FLOORS = 32


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named size with its declared range (inclusive)."""

    name: str
    low: int = 1
    high: int = INFINITY

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> tuple[int, str]:
        return (0, self.name)


@dataclass(frozen=True, slots=True)
class FloorDiv:
    """`numerator // divisor`, where the numerator has no part that divides evenly."""

    numerator: Poly
    divisor: int

    def __str__(self) -> str:
        numerator = str(self.numerator)
        return f"{numerator if numerator.isidentifier() else f'({numerator})'}//{self.divisor}"

    @property
    def key(self) -> tuple[int, str]:
        return (1, str(self))


Atom: TypeAlias = Symbol | FloorDiv
Monomial: TypeAlias = tuple[Atom, ...]


class DimError(ValueError):
    """A size that the form cannot express, such as division by a symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class Poly:
    """A sum of coefficient times monomial; never constant (that is an `int`)."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dim) -> Dim:
        return _bounded(_build([*_terms(self), *_terms(other)]))

    def __radd__(self, other: int) -> Dim:
        return self + other

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + (other * -1)

    def __rsub__(self, other: int) -> Dim:
        return (self * -1) + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return _bounded(_build((m, c * other) for m, c in self.terms))
        if len(self.terms) * len(other.terms) > 4 * MAX_PARTS:
            raise DimError(_TOO_MANY)
        return _bounded(
            _build(
                (tuple(sorted((*m, *n), key=lambda a: a.key)), c * d)
                for m, c in self.terms
                for n, d in other.terms
            )
        )

    def __rmul__(self, other: int) -> Dim:
        return self * other

    def __floordiv__(self, divisor: Dim) -> Dim:
        if not isinstance(divisor, int):
            return _exact_quotient(self, divisor)
        if divisor <= 0:
            raise DimError("a size is divided by a number that is not positive")
        if divisor == 1:
            return self
        # Multiples of the divisor come out whole, the remainder stays under the bar.
        whole = [(m, c // divisor) for m, c in self.terms]
        rest = _build((m, c % divisor) for m, c in self.terms)
        if isinstance(rest, int):
            return _build([*whole, ((), rest // divisor)])
        if len(rest.terms) <= 2:
            nested = _merge_nested(rest, divisor)
            if nested is not None:
                return _bounded(_build([*whole, ((nested,), 1)]))
        return _bounded(_build([*whole, ((FloorDiv(rest, divisor),), 1)]))

    def __rfloordiv__(self, other: int) -> Dim:
        raise DimError("a size is divided by a size that is not known")

    def __mod__(self, divisor: Dim) -> Dim:
        return self - (self // divisor) * divisor

    def __rmod__(self, other: int) -> Dim:
        raise DimError("a size is divided by a size that is not known")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, coefficient in _as_written(self):
            factors = [str(atom) for atom in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            if len(factors) > 1:
                # A quotient stands bare only where nothing is multiplied with it.
                factors = [f"({f})" if "//" in f else f for f in factors]
            text = "*".join(factors)
            sign = "-" if coefficient < 0 else "+"
            parts.append(f" {sign} {text}" if parts else ("-" + text if sign == "-" else text))
        return "".join(parts)

    __repr__ = __str__


Dim: TypeAlias = int | Poly


def symbol(name: str, low: int = 1, high: int = INFINITY) -> Poly:
    """The size called `name`, at least `low` and at most `high`."""
    return Poly((((Symbol(name, low, high),), 1),))


def _terms(dim: Dim) -> Iterable[tuple[Monomial, int]]:
    return (((), dim),) if isinstance(dim, int) else dim.terms


def _order(term: tuple[Monomial, int]) -> tuple[int, tuple[tuple[int, str], ...]]:
    return (-len(term[0]), tuple(atom.key for atom in term[0]))


def _build(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in total.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Poly(tuple(sorted(kept, key=_order)))


def _bounded(dim: Dim) -> Dim:
    if isinstance(dim, int):
        return dim
    if _parts(dim, 0) > MAX_PARTS:
        raise DimError(_TOO_MANY)
    if any(abs(coefficient) > INFINITY for _, coefficient in dim.terms):
        raise DimError("a size is too large")
    return dim


_TOO_MANY = f"a size is made of more than {MAX_PARTS} parts"


def _parts(dim: Poly, floors: int) -> int:
    if floors > MAX_FLOORS:
        raise DimError(f"a size is divided more than {MAX_FLOORS} times in turn")
    total = len(dim.terms)
    for monomial, _ in dim.terms:
        for atom in monomial:
            total += 1 if isinstance(atom, Symbol) else 1 + _parts(atom.numerator, floors + 1)
    return total


def _merge_nested(rest: Poly, divisor: int) -> FloorDiv | None:
    """`(n//a + c)//b` is `(n + a*c)//(a*b)`."""
    constant = 0
    inner: FloorDiv | None = None
    for monomial, coefficient in rest.terms:
        if not monomial:
            constant = coefficient
        elif (
            inner is None
            and len(monomial) == 1
            and coefficient == 1
            and isinstance(monomial[0], FloorDiv)
        ):
            inner = monomial[0]
        else:
            return None
    if inner is None:
        return None
    numerator = inner.numerator + inner.divisor * constant
    assert isinstance(numerator, Poly)
    return FloorDiv(numerator, inner.divisor * divisor)


def _exact_quotient(dim: Poly, divisor: Poly) -> Dim:
    """`a*b // b` for a monomial b, where every term is divisible."""
    if len(divisor.terms) != 1:
        raise DimError(f"`{dim}` cannot be divided by `{divisor}`")
    (atoms, factor) = divisor.terms[0]
    quotient: list[tuple[Monomial, int]] = []
    for monomial, coefficient in dim.terms:
        left = list(monomial)
        for atom in atoms:
            if atom not in left:
                raise DimError(f"`{dim}` cannot be divided by `{divisor}`")
            left.remove(atom)
        if coefficient % factor:
            raise DimError(f"`{dim}` cannot be divided by `{divisor}`")
        quotient.append((tuple(left), coefficient // factor))
    return _build(quotient)


class Answer(Enum):
    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def compare(a: Dim, b: Dim) -> Answer:
    """Whether two sizes are equal for all, for no, or for some values of their symbols."""
    if isinstance(a, int) and isinstance(b, int):
        return Answer.EQUAL if a == b else Answer.DIFFERENT
    if a == b:
        return Answer.EQUAL
    low, high = bounds(difference(a, b))
    if low > 0 or high < 0:
        return Answer.DIFFERENT
    return Answer.UNKNOWN


def difference(a: Dim, b: Dim) -> Dim:
    """`a - b`, for comparing: of any form."""
    return _build([*_terms(a), *((m, -c) for m, c in _terms(b))])


def bounds(dim: Dim) -> tuple[int, int]:
    """The least and greatest value over the declared ranges (interval arithmetic)."""
    low = high = 0
    for monomial, coefficient in _terms(dim):
        least = most = 1
        for atom in monomial:
            a, b = _atom_bounds(atom)
            corners = [least * a, least * b, most * a, most * b]
            least, most = min(corners), max(corners)
        ends = (coefficient * least, coefficient * most)
        low += min(ends)
        high += max(ends)
    return max(low, -INFINITY), min(high, INFINITY)


def _atom_bounds(atom: Atom) -> tuple[int, int]:
    if isinstance(atom, Symbol):
        return atom.low, atom.high
    low, high = bounds(atom.numerator)
    top = INFINITY if high >= INFINITY else high // atom.divisor
    return low // atom.divisor, top


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """The size with symbols replaced; symbols not named stay."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coefficient in dim.terms:
        product: Dim = coefficient
        for atom in monomial:
            if isinstance(atom, Symbol):
                product = product * values.get(atom.name, Poly((((atom,), 1),)))
            else:
                product = product * (substitute(atom.numerator, values) // atom.divisor)
        total = total + product
    return total


def symbols(dim: Dim) -> dict[str, Symbol]:
    """The symbols that a size depends on, by name."""
    found: dict[str, Symbol] = {}
    for monomial, _ in _terms(dim):
        for atom in monomial:
            if isinstance(atom, Symbol):
                found[atom.name] = atom
            else:
                found.update(symbols(atom.numerator))
    return found


def _as_written(dim: Poly) -> list[tuple[Monomial, int]]:
    """The terms, one in front that no sign precedes where there is any: `512 - T`."""
    first = next((i for i, (_, coefficient) in enumerate(dim.terms) if coefficient > 0), 0)
    return [dim.terms[first], *dim.terms[:first], *dim.terms[first + 1 :]]


def render(dim: Dim, name: Callable[[str], str] = str) -> str:
    """The size as a Python expression, symbols spelled by `name`."""
    if isinstance(dim, int):
        return str(dim)
    parts: list[str] = []
    for monomial, coefficient in _as_written(dim):
        factors = [
            name(a.name) if isinstance(a, Symbol) else _render_floor(a, name) for a in monomial
        ]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = "-" if coefficient < 0 else "+"
        # A quotient stands bare where it is all of a term that no sign precedes.
        if len(factors) > 1 or (sign == "-" and not parts):
            factors = [f"({f})" if "//" in f else f for f in factors]
        body = " * ".join(factors)
        parts.append(f" {sign} {body}" if parts else (f"-{body}" if sign == "-" else body))
    return "".join(parts)


def _render_floor(floor: FloorDiv, name: Callable[[str], str]) -> str:
    numerator = render(floor.numerator, name)
    whole = len(floor.numerator.terms) == 1
    return f"{numerator if whole else f'({numerator})'} // {floor.divisor}"


def product(dims: Iterable[Dim]) -> Dim:
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total
