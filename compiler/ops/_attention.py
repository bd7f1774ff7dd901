"""Multi-head attention in ONNX: the learned maps and masks around attention itself."""

from __future__ import annotations

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder, Weight
from dlc.compiler.ir.types import DType
from dlc.compiler.ops._attend import (
    ATTENTION_OPSET,
    Mask,
    attend,
    attend_in_one_node,
    either,
    later,
    repeat_heads,
)
from dlc.compiler.record import component


@component
class _Projected:
    """Query, key and value after their maps, [N, T, heads·width] each."""

    q: str
    k: str
    v: str


class Attention:
    """Writes multi-head attention into a builder.

    `packed` says that one weight, `in_proj_weight`, holds the three maps; `kv_heads` is the
    number of heads of keys and values. Masks are true where a query may not look; a query
    that may look nowhere gets 0.
    """

    def __init__(
        self,
        b: OnnxBuilder,
        *,
        heads: int,
        kv_heads: int,
        width: int,
        packed: bool,
        bias: bool,
        is_causal: bool,
    ) -> None:
        self.b = b
        self.heads = heads
        self.kv_heads = kv_heads
        self.width = width
        self.head_width = width // heads
        self.packed = packed
        self.bias = bias
        self.is_causal = is_causal
        shared = self.head_width * kv_heads
        self.rows = (width, shared, shared)
        x = b.inputs.x
        self.sizes: tuple[Dim, Dim, Dim] = (
            x.shape[0],
            x.shape[1],
            (b.inputs.get("key") or x).shape[1],
        )

    def write(self) -> str:
        projected = self._project()
        mask = self._mask()
        if self.b.opset < ATTENTION_OPSET:
            y = self._products(projected, mask)
        elif "attn_mask" in self.b.inputs:
            y = self._one_node_by_head(projected, mask)
        else:
            y = attend_in_one_node(
                self.b,
                projected.q,
                projected.k,
                projected.v,
                sizes=self.sizes,
                mask=mask,
                is_causal=self.is_causal,
                heads=(self.heads, self.kv_heads),
            )
        return self._affine(y, Weight("out_proj.weight"), Weight("out_proj.bias"))

    # ── the maps ─────────────────────────────────────────────────────────────

    def _affine(self, value: str, weight: Weight, bias: Weight) -> str:
        y = self.b.node("MatMul", value, self.b.weight(weight.transpose(1, 0)))
        return self.b.node("Add", y, self.b.weight(bias)) if self.bias else y

    def _project(self) -> _Projected:
        b = self.b
        if b.get("key") is None and b.get("value") is None:
            whole = self._affine(b["x"], Weight("in_proj_weight"), Weight("in_proj_bias"))
            sizes = b.constant(self.rows, DType.INT64)
            q, k, v = b.nodes("Split", whole, sizes, outputs=3, axis=-1)
            return _Projected(q=q, k=k, v=v)
        key = b.get("key") or b["x"]
        values = (b["x"], key, b.get("value") or key)
        mapped, start = [], 0
        for name, value, rows in zip("qkv", values, self.rows, strict=True):
            part = (0, start, start + rows)
            start += rows
            weight = (
                Weight("in_proj_weight").slice(*part)
                if self.packed
                else Weight(f"{name}_proj_weight")
            )
            mapped.append(self._affine(value, weight, Weight("in_proj_bias").slice(*part)))
        q, k, v = mapped
        return _Projected(q=q, k=k, v=v)

    # ── masks ────────────────────────────────────────────────────────────────

    def _mask(self) -> Mask:
        b = self.b
        blocked, added = b.get("key_padding_mask"), None
        if blocked is not None:
            blocked = b.node("Unsqueeze", blocked, b.constant([1, 2], DType.INT64))
        type_ = b.inputs.get("attn_mask")
        if type_ is not None:
            mask = self._by_sample(b["attn_mask"])
            if type_.dtype.is_float:
                added = mask
            else:
                blocked = either(b, blocked, mask)
        given = blocked is not None or added is not None
        # Where nothing else masks, the one node knows the order by itself.
        if self.is_causal and (given or b.opset < ATTENTION_OPSET):
            _, queries, keys = self.sizes
            blocked = either(b, blocked, later(b, queries, keys))
        return Mask(blocked=blocked, added=added, given=given)

    def _by_sample(self, mask: str) -> str:
        """[T, S] as it is; one for each sample, or each head of each, as [N, 1 or heads, T, S]."""
        b = self.b
        type_ = b.inputs["attn_mask"]
        batch, queries, keys = self.sizes
        if type_.rank == 2:
            return mask
        if type_.shape[0] == batch:
            return b.node("Unsqueeze", mask, b.constant([1], DType.INT64))
        return b.node("Reshape", mask, b.shape((batch, self.heads, queries, keys)))

    # ── attention itself ─────────────────────────────────────────────────────

    def _products(self, projected: _Projected, mask: Mask) -> str:
        b, groups = self.b, self.heads // self.kv_heads
        sizes = {"rank": 4, "heads": self.heads, "groups": groups, "width": self.head_width}
        q = self._by_head(projected.q, self.heads)
        if groups == 1:
            keys = self._by_head(projected.k, self.heads, (0, 2, 3, 1))
        else:
            keys = repeat_heads(b, self._by_head(projected.k, self.kv_heads), **sizes)
            keys = b.node("Transpose", keys, perm=(0, 1, 3, 2))
        v = repeat_heads(b, self._by_head(projected.v, self.kv_heads), **sizes)
        y = attend(b, q, keys, v, scale=self.head_width**-0.5, mask=mask)
        return self._together(y)

    def _one_node_by_head(self, projected: _Projected, mask: Mask) -> str:
        """With the heads apart, as a mask may differ between them."""
        y = attend_in_one_node(
            self.b,
            self._by_head(projected.q, self.heads),
            self._by_head(projected.k, self.kv_heads),
            self._by_head(projected.v, self.kv_heads),
            sizes=self.sizes,
            mask=mask,
        )
        return self._together(y)

    def _by_head(self, value: str, heads: int, perm: tuple[int, ...] = (0, 2, 1, 3)) -> str:
        b = self.b
        sizes = b.constant([0, 0, heads, self.head_width], DType.INT64)
        return b.node("Transpose", b.node("Reshape", value, sizes), perm=perm)

    def _together(self, y: str) -> str:
        b = self.b
        y = b.node("Transpose", y, perm=(0, 2, 1, 3))
        return b.node("Reshape", y, b.constant([0, 0, self.width], DType.INT64))
