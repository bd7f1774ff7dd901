"""Attention in ONNX: one node from opset 23, the matrix products before."""

from __future__ import annotations

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder, Weight
from dlc.compiler.ir.types import INT, DType
from dlc.compiler.record import component

_ATTENTION_OPSET = 23


@component
class _Projected:
    """Query, key and value after their maps, [N, T, E] each."""

    q: str
    k: str
    v: str


class Attention:
    """Writes multi-head attention into a builder.

    `packed` says that one weight, `in_proj_weight`, holds the three maps. Masks are true
    where a query may not look; a query that may look nowhere gets 0.
    """

    def __init__(
        self,
        b: OnnxBuilder,
        *,
        heads: int,
        width: int,
        packed: bool,
        bias: bool,
        is_causal: bool,
    ) -> None:
        self.b = b
        self.heads = heads
        self.width = width
        self.packed = packed
        self.bias = bias
        self.is_causal = is_causal
        x = b.inputs.x
        self.batch = x.shape[0]
        self.queries = x.shape[1]
        self.keys = (b.inputs.get("key") or x).shape[1]

    def write(self) -> str:
        projected = self._project()
        mask = self._mask()
        one_node = self.b.opset >= _ATTENTION_OPSET
        y = (self._one_node if one_node else self._products)(projected, mask)
        return self._affine(y, Weight("out_proj.weight"), Weight("out_proj.bias"))

    # ── the maps ─────────────────────────────────────────────────────────────

    def _affine(self, value: str, weight: Weight, bias: Weight) -> str:
        y = self.b.node("MatMul", value, self.b.weight(weight.transpose(1, 0)))
        return self.b.node("Add", y, self.b.weight(bias)) if self.bias else y

    def _project(self) -> _Projected:
        b, width = self.b, self.width
        if b.get("key") is None and b.get("value") is None:
            whole = self._affine(b["x"], Weight("in_proj_weight"), Weight("in_proj_bias"))
            sizes = b.constant([width] * 3, DType.INT64)
            q, k, v = b.nodes("Split", whole, sizes, outputs=3, axis=-1)
            return _Projected(q=q, k=k, v=v)
        key = b.get("key") or b["x"]
        mapped = []
        for place, (name, value) in enumerate(
            (("q", b["x"]), ("k", key), ("v", b.get("value") or key))
        ):
            rows = (0, place * width, (place + 1) * width)
            weight = (
                Weight("in_proj_weight").slice(*rows)
                if self.packed
                else Weight(f"{name}_proj_weight")
            )
            mapped.append(self._affine(value, weight, Weight("in_proj_bias").slice(*rows)))
        q, k, v = mapped
        return _Projected(q=q, k=k, v=v)

    # ── masks ────────────────────────────────────────────────────────────────

    def _mask(self) -> str | None:
        """What stretches to [N, heads, T, S], true where a query may not look."""
        b = self.b
        padding = b.get("key_padding_mask")
        if padding is not None:
            padding = b.node("Unsqueeze", padding, b.constant([1, 2], DType.INT64))
        if not self.is_causal or (padding is None and b.opset >= _ATTENTION_OPSET):
            return padding
        later = self._later()
        return later if padding is None else b.node("Or", padding, later)

    def _later(self) -> str:
        """[T, S], true where the key comes after the query."""
        b = self.b
        places = self._range(self.keys)
        rows = b.node("Unsqueeze", self._range(self.queries), b.constant([1], DType.INT64))
        return b.node("Greater", places, rows)

    def _range(self, size: Dim) -> str:
        b = self.b
        if isinstance(size, int):
            return b.constant(range(size), INT)
        return b.node("Range", b.scalar(0, INT), b.dim(size), b.scalar(1, INT))

    # ── attention itself ─────────────────────────────────────────────────────

    def _products(self, projected: _Projected, mask: str | None) -> str:
        b = self.b
        dtype = b.inputs.x.dtype
        scale = b.scalar((self.width // self.heads) ** -0.5, dtype)
        q = b.node("Mul", self._by_head(projected.q, (0, 2, 1, 3)), scale)
        scores = b.node("MatMul", q, self._by_head(projected.k, (0, 2, 3, 1)))
        if mask is not None:
            scores = b.node("Where", mask, b.scalar(float("-inf"), dtype), scores)
        weights = b.node("Softmax", scores, axis=-1)
        if b.get("key_padding_mask") is not None:
            # A row that is masked throughout is NaN up to here.
            weights = b.node("Where", mask, b.scalar(0.0, dtype), weights)
        y = b.node("MatMul", weights, self._by_head(projected.v, (0, 2, 1, 3)))
        y = b.node("Transpose", y, perm=(0, 2, 1, 3))
        return b.node("Reshape", y, b.constant([0, 0, self.width], DType.INT64))

    def _by_head(self, value: str, perm: tuple[int, ...]) -> str:
        b = self.b
        sizes = b.constant([0, 0, self.heads, self.width // self.heads], DType.INT64)
        return b.node("Transpose", b.node("Reshape", value, sizes), perm=perm)

    def _one_node(self, projected: _Projected, mask: str | None) -> str:
        b = self.b
        seen = None
        if mask is not None:
            # Attention's mask is true where a query may look, and onnxruntime does not
            # stretch it over the queries.
            sizes = b.shape((self.batch, 1, self.queries, self.keys))
            seen = b.node("Expand", b.node("Not", mask), sizes)
        y = b.node(
            "Attention",
            projected.q,
            projected.k,
            projected.v,
            seen,
            q_num_heads=self.heads,
            kv_num_heads=self.heads,
            is_causal=int(self.is_causal and mask is None),
        )
        if seen is None:
            return y
        # A query that may look nowhere gets 0.
        some = b.node(
            "ReduceMax",
            b.node("Cast", seen, to=6),
            b.constant([1, 3], DType.INT64),
            keepdims=0,
        )
        some = b.node("Unsqueeze", b.node("Cast", some, to=9), b.constant([2], DType.INT64))
        return b.node("Where", some, y, b.scalar(0.0, b.inputs.x.dtype))
