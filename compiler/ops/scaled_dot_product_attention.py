"""`scaled_dot_product_attention`: attention itself, without learned maps."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat, Probability
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import Shape, TensorType, bool_tensor, float_tensor
from dlc.compiler.ops._attend import (
    ATTENTION_OPSET,
    Mask,
    attend,
    attend_in_one_node,
    either,
    later,
    repeat_heads,
)
from dlc.compiler.ops._broadcast import broadcast
from dlc.compiler.ops._checks import known, require_equal, require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


@component
class ScaledDotProductAttention(Op):
    """Attention itself: softmax(Q Kᵀ · scale) V, without learned maps.

        q -> scaled_dot_product_attention(key=k, value=v, is_causal=true)
        [q, k, v] -> scaled_dot_product_attention(attn_mask=visible)

    Takes [N, heads, T, E], or any dims before T and E; gives [N, heads, T, V] where the values
    are [N, heads, S, V]. Learned maps around it make it `multihead_attention`, which is
    shorter to write.

    A mask of bool is true where a query MAY look, as PyTorch has it for this function; for
    `multihead_attention` true means the opposite. A mask of float is added to the scores. Both
    stretch to [N, heads, T, S]. A query that may look nowhere gets 0, not NaN.

    With `is_causal` query i sees the keys 0 to i, also where T and S differ. It goes together
    with a mask of bool, which PyTorch's function refuses.

    Arguments:
        dropout_p: the probability of a zero among the weights while training
        is_causal: whether a position sees only itself and what comes before
        scale: what the scores are multiplied by; 1 / √E where it is not given
        enable_gqa: whether keys and values have fewer heads, each for several of the queries'

    Source: Vaswani et al., Attention is all you need, 2017; grouped queries: Ainslie et al.,
    GQA: training generalized multi-query transformer models, 2023.
    """

    name: ClassVar[str] = "scaled_dot_product_attention"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("query", "[N, heads, T, E]"),
        Port("key", "what is searched, [N, heads, S, E]"),
        Port("value", "what is taken, [N, heads, S, V]"),
        Port(
            "attn_mask",
            "stretches to [N, heads, T, S]: bool, true where a query may look, or float, added",
            optional=True,
        ),
    )
    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes:dropout_p": "a CPU has no fused kernel with dropout, and keeps the weights",
    }

    dropout_p: Probability = 0.0
    is_causal: bool = False
    scale: PositiveFloat | None = None
    enable_gqa: bool = False

    # ── shapes ───────────────────────────────────────────────────────────────

    def infer(self, inputs: Inputs) -> TensorType:
        query, value = inputs["query"], inputs["value"]
        for port in ("query", "key", "value"):
            type_ = inputs[port]
            require_float(self.name, type_, port)
            least = 4 if self.enable_gqa else 3
            layout = "[N, heads, T, E]" if self.enable_gqa else "[N, ..., T, E]"
            require_least_rank(self.name, type_, least, layout, port)
            if (type_.rank, type_.dtype) != (query.rank, query.dtype):
                code = "E0401" if type_.rank != query.rank else "E0406"
                raise OpError(
                    code,
                    f"`{port}` of `{self.name}` needs the dims and the type of the query, "
                    f"got {type_} and {query}",
                    blame=port,
                )
        self._width(query)
        self._check_batch(inputs)
        self._agree(inputs, "key", -1, "query", "the size of the queries' vectors")
        self._agree(inputs, "value", -2, "key", "a value for each key")
        self._check_mask(inputs)
        return query.with_shape(*query.shape[:-1], value.shape[-1])

    def _width(self, query: TensorType) -> int:
        help = "give the last dim a number, or a param of the block (`float[N, T, dim]`)"
        size = query.shape[-1]
        if isinstance(size, int):
            return size
        raise OpError(
            "E0403",
            f"`{self.name}` needs a known last size to scale by, got `{size}` in {query}",
            blame="query",
            help=help,
        )

    def _agree(self, inputs: Inputs, port: str, dim: int, other: str, what: str) -> None:
        mine, theirs = inputs[port], inputs[other]
        require_equal(
            self.name,
            mine.shape[dim],
            theirs.shape[dim],
            f"`{port}` of `{self.name}` needs {what}, got {mine} for {theirs}",
            blame=port,
        )

    def _check_batch(self, inputs: Inputs) -> None:
        last = -3 if self.enable_gqa else -2
        for dim in range(inputs["query"].rank + last):
            self._agree(inputs, "key", dim, "query", "the dims before T and E of the query")
            self._agree(inputs, "value", dim, "query", "the dims before T and E of the query")
        if self.enable_gqa:
            self._groups(inputs)

    def _groups(self, inputs: Inputs) -> int:
        """How many heads of queries share one of keys."""
        if not self.enable_gqa:
            return 1
        self._agree(inputs, "value", -3, "key", "the heads of the keys")
        help = "give the heads a number; `reshape` or `unflatten` makes them"
        what = "number of heads"
        query, key = inputs["query"], inputs["key"]
        heads = known(self.name, query, -3, what, help, "query")
        shared = known(self.name, key, -3, what, help, "key")
        if heads % shared:
            raise OpError(
                "E0404",
                f"the heads of the keys must divide those of the queries, got {shared} and {heads}",
                blame="key",
            )
        return heads // shared

    def _scores(self, inputs: Inputs) -> TensorType:
        query = inputs["query"]
        return query.with_shape(*query.shape[:-1], inputs["key"].shape[-2])

    def _check_mask(self, inputs: Inputs) -> None:
        mask = inputs.get("attn_mask")
        if mask is None:
            return
        scores = self._scores(inputs)
        if not mask.dtype.is_float and mask.dtype is not bool_tensor().dtype:
            raise OpError(
                "E0406",
                f"`attn_mask` of `{self.name}` takes bool or float, got {mask}",
                blame="attn_mask",
                help="bool is true where a query may look, float is added to the scores",
            )
        if mask.dtype.is_float and self.is_causal:
            raise OpError(
                "E0311",
                "`is_causal` goes together with a mask of bool, not with one of float",
                blame="is_causal",
                help="leave it out, and let the mask be -infinity where the key comes later",
            )
        if not 2 <= mask.rank <= scores.rank or (
            broadcast(self.name, mask, scores, "attn_mask") != scores.shape
        ):
            raise OpError(
                "E0402" if 2 <= mask.rank <= scores.rank else "E0401",
                f"`attn_mask` of `{self.name}` stretches to the scores, {scores.shape_text}, "
                f"got {mask}",
                blame="attn_mask",
                help="[T, S], [N, 1, T, S] or [N, heads, T, S]",
            )

    # ── cost ─────────────────────────────────────────────────────────────────

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        scores = self._scores(inputs).elements
        return scores * (self._width(inputs["query"]) + inputs["value"].shape[-1])

    def _fused(self, inputs: Inputs) -> bool:
        """Whether PyTorch has one kernel for it on every device, which keeps no weights."""
        query, mask = inputs["query"], inputs.get("attn_mask")
        same = query.shape[-1] == inputs["value"].shape[-1]
        return same and query.rank <= 4 and (mask is None or not mask.dtype.is_float)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        if self._fused(inputs):
            return ("query", "key", "value", "y")
        return ("value",) if self._groups(inputs) == 1 else ()

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        query, key, value = inputs["query"], inputs["key"], inputs["value"]
        mask = inputs.get("attn_mask")
        if self._fused(inputs):
            # The log-sum-exp of each query, and the mask as numbers to add.
            numbers = product(query.shape[:-1])
            if mask is not None:
                numbers = numbers + product(self._mask_shape(inputs, mask))
            return numbers * query.dtype.bytes
        # Queries and keys after scaling, the weights, and the values where they are copied.
        groups = self._groups(inputs)
        numbers = query.elements + key.elements * groups + self._scores(inputs).elements
        if groups > 1:
            numbers = numbers + value.elements * groups
        return numbers * query.dtype.bytes

    def _mask_shape(self, inputs: Inputs, mask: TensorType) -> Shape:
        if not self.is_causal:
            return mask.shape
        last = mask.with_shape(*self._scores(inputs).shape[-2:])
        return broadcast(self.name, mask, last, "attn_mask")

    # ── PyTorch ──────────────────────────────────────────────────────────────

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["query"], t["key"], t["value"]]
        mask = t.get("attn_mask")
        if mask is not None:
            if self.is_causal:
                queries, keys = (t.dim(t.inputs[port].shape[-2]) for port in ("query", "key"))
                mask = f"{mask} & {mask}.new_ones({queries}, {keys}).tril()"
            arguments.append(f"attn_mask={mask}")
        if self.dropout_p:
            arguments.append(f"dropout_p={t.literal(self.dropout_p)} if self.training else 0.0")
        if self.is_causal and mask is None:
            arguments.append("is_causal=True")
        if self.scale is not None:
            arguments.append(f"scale={t.literal(self.scale)}")
        if self.enable_gqa:
            arguments.append("enable_gqa=True")
        return f"F.scaled_dot_product_attention({', '.join(arguments)})"

    # ── ONNX ─────────────────────────────────────────────────────────────────

    def onnx(self, b: OnnxBuilder) -> str:
        query, key, value = (b.inputs[port] for port in ("query", "key", "value"))
        one_node = query.rank == 4 and b.opset >= ATTENTION_OPSET
        # The op's own triangle is left to it where nothing else masks and T is S.
        plain = "attn_mask" not in b.inputs and query.shape[-2] == key.shape[-2]
        mask = self._mask(b, is_causal=self.is_causal and not (one_node and plain))
        if one_node:
            return attend_in_one_node(
                b,
                b["query"],
                b["key"],
                b["value"],
                sizes=(query.shape[0], query.shape[-2], key.shape[-2]),
                mask=mask,
                is_causal=self.is_causal,
                scale=self.scale,
            )
        width = self._width(query)
        keys, values = b["key"], b["value"]
        groups = self._groups(b.inputs)
        if groups > 1:
            heads = known(self.name, query, -3, "number of heads", "", "query")
            sizes = {"rank": query.rank, "heads": heads, "groups": groups}
            keys = repeat_heads(b, keys, width=width, **sizes)
            taken = known(self.name, value, -1, "last size", "", "value")
            values = repeat_heads(b, values, width=taken, **sizes)
        front = tuple(range(query.rank - 2))
        keys = b.node("Transpose", keys, perm=(*front, query.rank - 1, query.rank - 2))
        scale = self.scale if self.scale is not None else width**-0.5
        return attend(b, b["query"], keys, values, scale=scale, mask=mask)

    def _mask(self, b: OnnxBuilder, *, is_causal: bool) -> Mask:
        given = b.get("attn_mask")
        blocked = None
        if is_causal:
            blocked = later(b, b.inputs["query"].shape[-2], b.inputs["key"].shape[-2])
        if given is None:
            return Mask(blocked=blocked)
        if b.inputs["attn_mask"].dtype.is_float:
            return Mask(blocked=blocked, added=given, given=True)
        return Mask(blocked=either(b, b.node("Not", given), blocked), given=True)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        q = float_tensor(n, 4, t, 8)
        k = v = float_tensor(n, 4, s, 8)
        plain = {"query": q, "key": k, "value": v}
        itself = {"query": q, "key": q, "value": q}
        few = float_tensor(n, 2, s, 8)
        return (
            Example(cls(), {**plain}),
            Example(cls(is_causal=True), {**itself}),
            Example(cls(is_causal=True), {**plain}),
            Example(cls(), {**plain, "attn_mask": bool_tensor(n, 1, t, s)}),
            Example(cls(), {**plain, "attn_mask": bool_tensor(n, 1, 1, s)}),
            Example(cls(), {**plain, "attn_mask": bool_tensor(n, 4, t, s)}),
            Example(cls(is_causal=True), {**plain, "attn_mask": bool_tensor(n, 1, 1, s)}),
            Example(cls(), {**plain, "attn_mask": float_tensor(t, s)}),
            Example(cls(scale=0.5, dropout_p=0.2), {**plain}),
            Example(cls(), {"query": q, "key": k, "value": float_tensor(n, 4, s, 5)}),
            Example(cls(enable_gqa=True), {"query": q, "key": few, "value": few}),
            Example(
                cls(enable_gqa=True, is_causal=True),
                {
                    "query": q,
                    "key": few,
                    "value": float_tensor(n, 2, s, 3),
                    "attn_mask": bool_tensor(n, 1, 1, s),
                },
            ),
            Example(
                cls(),
                {
                    "query": float_tensor(n, t, 6),
                    "key": float_tensor(n, s, 6),
                    "value": float_tensor(n, s, 6),
                    "attn_mask": bool_tensor(n, t, s),
                },
            ),
            Example(
                cls(is_causal=True),
                {port: float_tensor(n, 2, 3, 5, 4) for port in ("query", "key", "value")},
            ),
        )
