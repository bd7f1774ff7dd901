"""What giving a tensor, or one dim of it, other sizes asks for."""

from __future__ import annotations

from dlc.compiler.ir.dims import Answer, Dim, DimError, Poly, compare, product
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import DType, Shape
from dlc.compiler.ops._checks import how_to_state
from dlc.compiler.ops.base import OpError


def check_sizes(op: str, sizes: Shape) -> None:
    """Raises where the stated sizes fit nothing: none, -1 twice, 0."""
    if not sizes:
        raise OpError("E0303", f"`{op}` needs sizes, such as `{_EXAMPLES[op]}`")
    if sizes.count(-1) > 1:
        raise OpError("E0311", f"`{op}` takes -1 once, got it twice", blame="sizes")
    for size in sizes:
        if isinstance(size, int) and size != -1 and size < 1:
            raise OpError(
                "E0302",
                f"a size of `{op}` is at least 1, or -1 for what is left, got {size}",
                blame="sizes",
            )


_EXAMPLES = {"reshape": "reshape(N, -1)", "unflatten": "unflatten(-1, [heads, -1])"}


def settled(op: str, sizes: Shape, elements: Dim, what: str, where: str, advice: str) -> Shape:
    """The sizes with -1 replaced by what is left of the elements. `what` is what they make
    up, `where` the shape that has it, `advice` the help where -1 cannot be told.

    Raises E0402 or E0404 where they do not, E0407 where that is not decided.
    """
    stated = product(size for size in sizes if size != -1)
    if -1 in sizes:
        rest = _rest(op, sizes, stated, elements, where, advice)
        return tuple(rest if size == -1 else size for size in sizes)
    message = f"`{op}` keeps the {what}, got {elements} in {where} and {stated} in {_text(sizes)}"
    match compare(elements, stated):
        case Answer.DIFFERENT:
            raise OpError("E0402", message, blame="sizes", help="one size may be -1")
        case Answer.UNKNOWN:
            raise OpError(
                "E0407",
                f"{message}: these agree only where {elements} = {stated}",
                blame="sizes",
                help=how_to_state(elements, stated),
            )
        case Answer.EQUAL:
            return sizes


def _text(sizes: Shape) -> str:
    return "[" + ", ".join(str(size) for size in sizes) + "]"


def _rest(op: str, sizes: Shape, stated: Dim, elements: Dim, where: str, advice: str) -> Dim:
    try:
        rest = _quotient(sizes, elements)
    except DimError:
        raise OpError(
            "E0407",
            f"`{op}` cannot tell what -1 is: {elements} elements of {where} in {_text(sizes)}",
            blame="sizes",
            help=advice,
        ) from None
    match compare(rest * stated, elements):
        case Answer.EQUAL:
            return rest
        case Answer.DIFFERENT:
            raise OpError(
                "E0404",
                f"the sizes of `{op}` must divide the number of elements, got {elements} in"
                f" {where} and {_text(sizes)}",
                blame="sizes",
            )
        case Answer.UNKNOWN:
            raise OpError(
                "E0407",
                f"{stated} may not divide the {elements} elements of {where}",
                blame="sizes",
                help=how_to_state(rest * stated, elements),
            )


def _quotient(sizes: Shape, elements: Dim) -> Dim:
    """The elements divided by every stated size, the numbers last: rounding down then shows
    in what comes out."""
    rest, number = elements, 1
    for size in sizes:
        if isinstance(size, int):
            number *= 1 if size == -1 else size
        elif len(size.terms) == 1:
            ((atoms, factor),) = size.terms
            number *= factor
            rest = rest // Poly(((atoms, 1),))
        else:
            rest = rest // size
    return rest // number


def onnx_reshape(b: OnnxBuilder, value: str, old: Shape, new: Shape) -> str:
    """`value` of the shape `old` in the shape `new`, without computing sizes where ONNX can
    copy or infer them: 0 copies the size at the same place, -1 is what is left."""
    sizes: list[int] = []
    for place, dim in enumerate(new):
        if isinstance(dim, int):
            sizes.append(dim)
        elif place < len(old) and old[place] == dim:
            sizes.append(0)
        else:
            sizes.append(-1)
    if sizes.count(-1) <= 1:
        return b.node("Reshape", value, b.constant(sizes, DType.INT64))
    computed: tuple[Dim, ...] = new
    return b.node("Reshape", value, b.shape(computed))
