"""What the ops ask of their inputs, in one wording."""

from __future__ import annotations

from dlc.compiler.ir.dims import Answer, Dim, bounds, compare, substitute, symbols
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops.base import OpError

#: The highest size that `smallest` looks at.
_SEARCH_LIMIT = 1 << 24


def require_float(op: str, x: TensorType, port: str = "x") -> None:
    """Raises E0406 where the elements are not floating-point numbers."""
    if not x.dtype.is_float:
        raise OpError(
            "E0406",
            f"`{op}` takes float, got {x}",
            blame=port,
            help="an index becomes a vector with `embedding`; a number is declared `float`"
            if x.dtype.is_int
            else "declare the input `float`",
        )


def require_int(op: str, x: TensorType, port: str = "x") -> None:
    """Raises E0406 where the elements are not integers."""
    if x.dtype not in (DType.INT64, DType.INT32):
        raise OpError("E0406", f"`{op}` takes int, got {x}", blame=port)


def require_bool(op: str, x: TensorType, port: str) -> None:
    """Raises E0406 where the elements are not truth values."""
    if x.dtype is not DType.BOOL:
        raise OpError(
            "E0406", f"`{port}` of `{op}` takes bool, got {x}", blame=port, help="true where masked"
        )


def require_rank(
    op: str, x: TensorType, *ranks: int, layout: str, port: str = "x", help: str | None = None
) -> None:
    """Raises E0401 where the number of dims is none of `ranks`."""
    if x.rank not in ranks:
        raise OpError("E0401", f"`{op}` takes {layout}, got {x}", blame=port, help=help)


def require_least_rank(
    op: str, x: TensorType, least: int, layout: str, port: str = "x", help: str | None = None
) -> None:
    """Raises E0401 where there are fewer than `least` dims."""
    if x.rank < least:
        raise OpError("E0401", f"`{op}` takes {layout}, got {x}", blame=port, help=help)


def known(op: str, x: TensorType, dim: int, what: str, help: str, port: str = "x") -> int:
    """The size of a dim that must be a number, as it decides the shape of a weight."""
    size = x.shape[dim]
    if isinstance(size, int):
        return size
    raise OpError(
        "E0403",
        f"`{op}` needs a known {what} to make its weight, got `{size}` in {x}",
        blame=port,
        help=help,
    )


def require_equal(
    op: str, a: Dim, b: Dim, message: str, *, blame: str = "x", help: str | None = None
) -> None:
    """Raises E0402 where two sizes differ, E0407 where that is not decided."""
    match compare(a, b):
        case Answer.DIFFERENT:
            raise OpError("E0402", message, blame=blame, help=help)
        case Answer.UNKNOWN:
            raise OpError(
                "E0407",
                f"{message}: these agree only where {a} = {b}",
                blame=blame,
                help=how_to_state(a, b),
            )
        case Answer.EQUAL:
            pass


def how_to_state(a: Dim, b: Dim) -> str:
    """How a spec can say that two sizes agree."""
    names = sorted({*symbols(a), *symbols(b)})
    if len(names) == 1:
        multiple = _multiple(a - b, names[0])
        if multiple is not None:
            low, high = multiple
            name = names[0]
            return (
                f"declare it, `dim {name} = {low}..{high} step {low}`,"
                f" or assert the shape with `shape(...)`"
            )
        return (
            f"give `{names[0]}` a number, declare its range with `dim {names[0]} = ...`,"
            f" or assert the shape with `shape(...)`"
        )
    joined = " and ".join(f"`{name}`" for name in names)
    return f"use one name for {joined} if they are one size, or assert it with `shape(...)`"


def _multiple(difference: Dim, name: str) -> tuple[int, int] | None:
    """The least k such that the difference is 0 at multiples of k, and a large multiple."""
    for k in range(2, 129):
        if all(substitute(difference, {name: k * i}) == 0 for i in range(1, 9)):
            return k, k * 64
    return None


def smallest(dim: Dim, least: int) -> tuple[str, int] | None:
    """For a size over one symbol: the symbol, and its least value that makes the size at
    least `least`. Sizes grow with their symbols here."""
    found = list(symbols(dim).values())
    if len(found) != 1:
        return None
    name = found[0].name
    high = max(1, found[0].low)
    while _at(dim, name, high) < least:
        high *= 2
        if high > _SEARCH_LIMIT:
            return None
    low = max(1, found[0].low)
    while low < high:
        middle = (low + high) // 2
        if _at(dim, name, middle) < least:
            low = middle + 1
        else:
            high = middle
    return name, low


def _at(dim: Dim, name: str, value: int) -> int:
    size = substitute(dim, {name: value})
    assert isinstance(size, int)
    return size


def at_least(dim: Dim, least: int) -> Answer:
    """Whether a size is at least `least`: EQUAL for always, DIFFERENT for never."""
    low, high = bounds(dim)
    if low >= least:
        return Answer.EQUAL
    return Answer.DIFFERENT if high < least else Answer.UNKNOWN


def range_help(dim: Dim, least: int) -> str:
    """How a spec can say that a size is at least `least`."""
    found = smallest(dim, least)
    if found is not None:
        name, low = found
        return f"declare how small it gets: `dim {name} = {low}..{max(1024, 16 * low)}`"
    names = " and ".join(f"`{name}`" for name in sorted(symbols(dim)))
    return f"declare how small {names} get, `dim NAME = low..high`"


def axis(op: str, x: TensorType, dim: int, field: str = "dim", extra: int = 0) -> int:
    """A dim counted from the front; raises E0302 where there is none."""
    rank = x.rank + extra
    if not -rank <= dim < rank:
        raise OpError(
            "E0302",
            f"`{op}` has no dim {dim} in {x}, expected {-rank} to {rank - 1}",
            blame=field,
        )
    return dim % rank


def require_even(op: str, x: TensorType) -> int:
    """The last size of an op that takes its numbers in pairs. Raises E0403 where it is not
    known, E0404 where it is odd."""
    size = x.shape[-1]
    if not isinstance(size, int):
        raise OpError(
            "E0403",
            f"`{op}` needs a known last size, got `{size}` in {x}",
            blame="x",
            help="give the last dim a number, or a param of the block (`float[N, T, dim]`)",
        )
    if size % 2:
        raise OpError(
            "E0404",
            f"`{op}` takes pairs of numbers, and the last size of {x} is odd",
            blame="x",
        )
    return size
