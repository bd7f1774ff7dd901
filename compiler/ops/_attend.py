"""Attention in ONNX: one node from opset 23, the matrix products before."""

from __future__ import annotations

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import BOOL, INT, DType
from dlc.compiler.record import component

#: From here on attention is one node.
ATTENTION_OPSET = 23


@component
class Mask:
    """What the masks of a layer come to; both stretch to the scores, [..., heads, T, S].

    `blocked` is true where a query may not look, `added` is added to the scores. `given` is
    False where only the order of the steps masks, so that each query may look somewhere.
    """

    blocked: str | None = None
    added: str | None = None
    given: bool = False


def later(b: OnnxBuilder, queries: Dim, keys: Dim) -> str:
    """[T, S], true where the key comes after the query."""
    rows = b.node("Unsqueeze", steps(b, queries), b.constant([1], DType.INT64))
    return b.node("Greater", steps(b, keys), rows)


def steps(b: OnnxBuilder, size: Dim) -> str:
    """0, 1, 2, ... up to a size."""
    if isinstance(size, int):
        return b.constant(range(size), INT)
    return b.node("Range", b.scalar(0, INT), b.dim(size), b.scalar(1, INT))


def either(b: OnnxBuilder, left: str | None, right: str | None) -> str | None:
    """True where one of two masks is."""
    if left is None or right is None:
        return left or right
    return b.node("Or", left, right)


def attend(b: OnnxBuilder, q: str, keys: str, v: str, *, scale: float, mask: Mask) -> str:
    """softmax(q · keys · scale) v by matrix products; the keys stand in columns, [..., E, S].
    A query that may look nowhere gets 0."""
    dtype = b.inputs.x.dtype
    scores = b.node("MatMul", b.node("Mul", q, b.scalar(scale, dtype)), keys)
    lowest = b.scalar(float("-inf"), dtype)
    if mask.added is not None:
        scores = b.node("Add", scores, mask.added)
    if mask.blocked is not None:
        scores = b.node("Where", mask.blocked, lowest, scores)
    weights = b.node("Softmax", scores, axis=-1)
    # A row that is masked throughout is NaN up to here.
    if mask.added is not None:
        highest = b.node("ReduceMax", scores, b.constant([-1], DType.INT64))
        nowhere = b.node("Equal", highest, lowest)
        weights = b.node("Where", nowhere, b.scalar(0.0, dtype), weights)
    elif mask.given:
        weights = b.node("Where", mask.blocked, b.scalar(0.0, dtype), weights)
    return b.node("MatMul", weights, v)


def attend_in_one_node(
    b: OnnxBuilder,
    q: str,
    k: str,
    v: str,
    *,
    sizes: tuple[Dim, Dim, Dim],
    mask: Mask,
    is_causal: bool = False,
    scale: float | None = None,
    heads: tuple[int, int] | None = None,
) -> str:
    """The same by ONNX's own op, which groups queries by itself. `sizes` are N, T and S.

    Values are [N, heads, T, E]; with `heads`, those of the queries and those of the keys, they
    are [N, T, heads·E], and the mask is one for all heads.
    """
    dtype = b.inputs.x.dtype
    batch, queries, keys = sizes
    given: str | None = None
    if mask.added is not None:
        given = mask.added
        if mask.blocked is not None:
            given = b.node("Where", mask.blocked, b.scalar(float("-inf"), dtype), given)
    elif mask.blocked is not None:
        # The op's mask is true where a query may look.
        given = b.node("Not", mask.blocked)
    if given is not None:
        # onnxruntime does not stretch it over the queries.
        given = b.node("Expand", given, b.shape((batch, 1, queries, keys)))
    attributes: dict[str, int | float] = {"is_causal": int(is_causal and given is None)}
    if scale is not None:
        attributes["scale"] = scale
    if heads is not None:
        attributes["q_num_heads"], attributes["kv_num_heads"] = heads
    y = b.node("Attention", q, k, v, given, domain="", **attributes)
    if given is None or not mask.given:
        return y
    # What a query gets that may look nowhere is the runtime's choice; onnxruntime 1.31 gives 0
    # on a CPU, and no page promises it.
    some = _some(b, given, is_float=mask.added is not None)
    if heads is not None:
        some = b.node("Squeeze", some, b.constant([1], DType.INT64))
    return b.node("Where", some, y, b.scalar(0.0, dtype))


def _some(b: OnnxBuilder, mask: str, *, is_float: bool) -> str:
    """[N, heads, T, 1], true where a query may look somewhere."""
    last = b.constant([-1], DType.INT64)
    if is_float:
        lowest = b.scalar(float("-inf"), b.inputs.x.dtype)
        return b.node("Greater", b.node("ReduceMax", mask, last), lowest)
    flags = b.node("Cast", mask, to=DType.INT32.onnx)
    return b.node("Cast", b.node("ReduceMax", flags, last), to=BOOL.onnx)


def repeat_heads(
    b: OnnxBuilder, value: str, *, rank: int, heads: int, groups: int, width: int
) -> str:
    """Keys or values, [..., heads / groups, S, width], with each head as often as queries
    share it: [..., heads, S, width]."""
    if groups == 1:
        return value
    value = b.node("Unsqueeze", value, b.constant([-3], DType.INT64))
    value = b.node("Expand", value, b.constant([groups, 1, 1], DType.INT64))
    sizes = b.constant([0] * (rank - 3) + [heads, -1, width], DType.INT64)
    return b.node("Reshape", value, sizes)
