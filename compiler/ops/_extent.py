"""Whether a part lies within a dim, whose size may not be known."""

from __future__ import annotations

from dlc.compiler.ir.dims import (
    INFINITY,
    MAX_FLOORS,
    Dim,
    DimError,
    FloorDiv,
    Poly,
    bounds,
    substitute,
    symbols,
)
from dlc.compiler.ops._checks import range_help
from dlc.compiler.ops.base import OpError


def require_room(
    left: Dim,
    never: str,
    maybe: str,
    *,
    blame: str,
    help: str | None = None,
    least: int = 0,
) -> None:
    """Raises E0302, `never`, where what is left over is less than `least` for all sizes, and
    E0407, `maybe`, where it is for some."""
    if lowest(left) >= least:
        return
    if -lowest(-left) < least:
        raise OpError("E0302", never, blame=blame, help=help)
    raise OpError("E0407", maybe, blame=blame, help=room_help(left, least))


def lowest(dim: Dim) -> int:
    """A bound that no value of the size is below. It sees what interval arithmetic does not:
    that T - T // 2 is never negative."""
    plain = bounds(dim)[0]
    scale, rest = 1, dim
    for _ in range(MAX_FLOORS):
        floor = _lone_floor(rest)
        if floor is None:
            break
        try:
            scale, rest = scale * floor.divisor, _without(rest, floor)
        except DimError:
            return plain
    found = bounds(rest)[0]
    return max(plain, found if found <= -INFINITY else -(-found // scale))


def _lone_floor(dim: Dim) -> FloorDiv | None:
    """A rounded quotient that stands in a term of its own."""
    terms = () if isinstance(dim, int) else dim.terms
    for monomial, _ in terms:
        if len(monomial) == 1 and isinstance(monomial[0], FloorDiv):
            return monomial[0]
    return None


def _without(dim: Dim, floor: FloorDiv) -> Dim:
    """At most `floor.divisor` times the size, without the quotient: d·(p // d) lies between
    p - (d - 1) and p."""
    assert isinstance(dim, Poly)
    factor = dict(dim.terms)[(floor,)]
    rest = dim - Poly((((floor,), factor),))
    least = floor.numerator - (floor.divisor - 1 if factor > 0 else 0)
    return rest * floor.divisor + least * factor


def room_help(left: Dim, least: int = 0) -> str:
    """How a spec can say that a size is at least `least`, be it that it grows or that it
    shrinks with its symbol."""
    found = list(symbols(left).values())
    if len(found) != 1:
        return range_help(left, least)
    name, low = found[0].name, max(1, found[0].low)
    if _at(left, name, 2 * low + 64) >= _at(left, name, low):
        return range_help(left, least)
    if _at(left, name, low) < least:
        return f"`{name}` is at least {low}, which leaves no room"
    high = low
    while _at(left, name, 2 * high) >= least:
        high *= 2
    top = 2 * high
    while top - high > 1:
        middle = (high + top) // 2
        if _at(left, name, middle) >= least:
            high = middle
        else:
            top = middle
    return f"declare how large it gets: `dim {name} = {low}..{high}`"


def from_front(place: Dim, size: Dim, op: str, blame: str) -> Dim:
    """A place counted from the front, where a negative one counts from the end. Raises
    E0407 where it may be either."""
    low, high = bounds(place)
    if low >= 0:
        return place
    if high < 0:
        return size + place
    raise OpError(
        "E0407",
        f"`{blame}` of `{op}` counts from the end where it is negative, and `{place}` may"
        " be either",
        blame=blame,
        help=room_help(place),
    )


def _at(dim: Dim, name: str, value: int) -> int:
    size = substitute(dim, {name: value})
    assert isinstance(size, int)
    return size
