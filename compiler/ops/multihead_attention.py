"""`multihead_attention`: each position takes what it needs from the others."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Answer, Dim, compare, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, TensorType, bool_tensor, float_tensor
from dlc.compiler.ops._attention import Attention
from dlc.compiler.ops._attention_modules import GROUPED_QUERY_ATTENTION, MULTIHEAD_ATTENTION
from dlc.compiler.ops._checks import known, require_bool, require_equal, require_float, require_rank
from dlc.compiler.ops.base import Example, OpError, Port, WeightedOp
from dlc.compiler.record import component


@component
class MultiheadAttention(WeightedOp):
    """Attention with several heads: each place of [N, T, E] takes what it needs from the others.

        residual { multihead_attention(12, dropout=0.1, key_padding_mask=mask) }
        x -> multihead_attention(8, key=memory)          # from another sequence
        multihead_attention(32, num_kv_heads=8, bias=false, is_causal=true)

    softmax(Q Kᵀ / √d) V for each head, where Q, K and V are learned maps of x, key and
    value, d is E / num_heads, and another learned map joins the heads. `key` is x where it
    is not given, `value` is `key`. With `num_kv_heads` keys and values have that many heads,
    each for num_heads / num_kv_heads heads of queries; 1 is multi-query attention.

    Masks are true where a query may NOT look, as in PyTorch's layer; the function
    `scaled_dot_product_attention` has it the other way round there and here. `attn_mask` may
    be float, which is added to the scores. Masked keys get no weight; a query whose keys are
    all masked gets 0, not NaN.

    The maps lie under each other in `in_proj_weight`, queries, keys, values, as in PyTorch;
    where key or value has another last size they are `q_proj_weight`, `k_proj_weight` and
    `v_proj_weight`. `transfer.rename` joins the three weights of another library with
    `{from: [query, key, value], concat: 0}`.

    Arguments:
        num_heads: the number of heads; divides E
        dropout: the probability of a zero among the weights while training
        bias: whether the maps have biases
        is_causal: whether a position sees only itself and what comes before
        num_kv_heads: the number of heads of keys and values, which divides `num_heads`; as
            many where it is not given

    Source: Vaswani et al., Attention is all you need, 2017; grouped queries: Ainslie et al.,
    GQA: training generalized multi-query transformer models, 2023.
    """

    name: ClassVar[str] = "multihead_attention"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x", "the queries, [N, T, E]"),
        Port("key", "what is searched, [N, S, K]", optional=True),
        Port("value", "what is taken, [N, S, V]", optional=True),
        Port("key_padding_mask", "bool[N, S], true where a key is padding", optional=True),
        Port(
            "attn_mask",
            "[T, S], [N, T, S] or [N·num_heads, T, S]: bool, true where a query may not look,"
            " or float, added",
            optional=True,
        ),
    )

    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes:dropout": "a CPU has no fused kernel with dropout, and keeps the weights",
    }

    num_heads: Positive
    dropout: Probability = 0.0
    bias: bool = True
    is_causal: bool = False
    num_kv_heads: Positive | None = keyword(None)

    def validate(self) -> None:
        super().validate()
        if self.num_heads % self._kv_heads:
            raise OpError(
                "E0404",
                f"`num_kv_heads` must divide `num_heads`, got {self.num_kv_heads} and "
                f"{self.num_heads}",
                blame="num_kv_heads",
            )

    @property
    def _kv_heads(self) -> int:
        return self.num_kv_heads or self.num_heads

    def _shared(self, width: int) -> int:
        """The width of all keys, or of all values, behind their map."""
        return width // self.num_heads * self._kv_heads

    def _types(self, inputs: Inputs) -> tuple[TensorType, TensorType, TensorType]:
        """Query, key and value."""
        key = inputs.get("key") or inputs.x
        return inputs.x, key, inputs.get("value") or key

    def _widths(self, inputs: Inputs) -> tuple[int, int, int]:
        """The last sizes of query, key and value."""
        help = "give the last dim a number, or a param of the block (`float[N, T, dim]`)"
        q, k, v = (
            known(self.name, value, -1, "last size", help, port)
            for port, value in zip(("x", "key", "value"), self._types(inputs), strict=True)
        )
        if q % self.num_heads:
            raise OpError(
                "E0404",
                f"`num_heads` must divide the last size, got {self.num_heads} and {inputs.x}",
                blame="num_heads",
            )
        return q, k, v

    def infer(self, inputs: Inputs) -> TensorType:
        x, key, value = self._types(inputs)
        for port, type_ in (("x", x), ("key", key), ("value", value)):
            require_float(self.name, type_, port)
            require_rank(self.name, type_, 3, layout="[N, T, E]", port=port)
        self._widths(inputs)
        for port, type_ in (("key", key), ("value", value)):
            require_equal(
                self.name,
                type_.shape[0],
                x.shape[0],
                f"`{port}` of `multihead_attention` needs the batch of x, got {type_} and {x}",
                blame=port,
            )
        require_equal(
            self.name,
            value.shape[1],
            key.shape[1],
            f"`key` and `value` of `multihead_attention` need one length, got {key} and {value}",
            blame="value",
        )
        self._check_padding(inputs, key)
        self._check_mask(inputs, key)
        if self.is_causal:
            require_equal(
                self.name,
                key.shape[1],
                x.shape[1],
                f"`is_causal` needs queries and keys of one length, got {x} and {key}",
                blame="is_causal",
            )
        return x

    def _check_padding(self, inputs: Inputs, key: TensorType) -> None:
        mask = inputs.get("key_padding_mask")
        if mask is None:
            return
        require_bool(self.name, mask, "key_padding_mask")
        require_rank(self.name, mask, 2, layout="a mask of [N, S]", port="key_padding_mask")
        for have, want in zip(mask.shape, key.shape, strict=False):
            require_equal(
                self.name,
                have,
                want,
                f"`key_padding_mask` has a flag for each key, got {mask} for {key}",
                blame="key_padding_mask",
            )

    def _check_mask(self, inputs: Inputs, key: TensorType) -> None:
        mask = inputs.get("attn_mask")
        if mask is None:
            return
        batch, queries, keys = *inputs.x.shape[:2], key.shape[1]
        if mask.dtype is not BOOL and not mask.dtype.is_float:
            raise OpError(
                "E0406",
                f"`attn_mask` of `{self.name}` takes bool or float, got {mask}",
                blame="attn_mask",
                help="bool is true where a query may not look, float is added to the scores",
            )
        layout = f"`attn_mask` of [{queries}, {keys}], or that for each sample"
        require_rank(self.name, mask, 2, 3, layout=layout, port="attn_mask")
        message = f"`attn_mask` of `{self.name}` needs a row for each query and a column for each"
        message += f" key, got {mask} for {inputs.x} and {key}"
        require_equal(self.name, mask.shape[-2], queries, message, blame="attn_mask")
        require_equal(self.name, mask.shape[-1], keys, message, blame="attn_mask")
        by_head = batch * self.num_heads
        if mask.rank == 3 and compare(mask.shape[0], by_head) is not Answer.EQUAL:
            message = f"`attn_mask` of `{self.name}` needs [{queries}, {keys}] for each sample,"
            message += f" or for each head of each sample, got {mask} for {inputs.x}"
            require_equal(self.name, mask.shape[0], batch, message, blame="attn_mask")

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        q, k, v = self._widths(inputs)
        shared = self._shared(q)
        if q == k == v:
            found = [self.weight_parameter("in_proj_weight", q + 2 * shared, q)]
        else:
            found = [
                self.weight_parameter(f"{name}_proj_weight", rows, width)
                for name, rows, width in (("q", q, q), ("k", shared, k), ("v", shared, v))
            ]
        if self.bias:
            found.append(self.bias_parameter("in_proj_bias", q + 2 * shared))
        found.append(self.weight_parameter("out_proj.weight", q, q))
        if self.bias:
            found.append(self.bias_parameter("out_proj.bias", q))
        return tuple(found)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        x, key, _ = self._types(inputs)
        q, k, v = self._widths(inputs)
        batch, queries, keys = x.shape[0], x.shape[1], key.shape[1]
        maps = 2 * q * q * (batch * queries) + (k + v) * self._shared(q) * (batch * keys)
        return maps + 2 * q * (batch * queries * keys)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return tuple(port for port in ("x", "key", "value") if port in inputs)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Queries, keys, values and what attention gives.
        x, key, _ = self._types(inputs)
        width = self._widths(inputs)[0]
        batch, queries, keys = x.shape[0], x.shape[1], key.shape[1]
        numbers = 2 * width * (batch * queries) + 2 * self._shared(width) * (batch * keys)
        mask = inputs.get("attn_mask")
        if mask is not None and mask.dtype.is_float:
            # No fused kernel takes a mask that may be learned: the weights are kept, keys and
            # values as often as they are used, and flags where another mask is laid over it.
            numbers = 2 * width * (batch * queries) + 2 * width * (batch * keys)
            numbers = numbers + self.num_heads * (batch * queries * keys)
            return numbers * x.dtype.bytes + self._blocked(inputs)
        # The log-sum-exp of each query, and the mask as numbers to add.
        numbers = numbers + self.num_heads * (batch * queries)
        return (numbers + self._mask_elements(inputs)) * x.dtype.bytes

    def _mask_elements(self, inputs: Inputs) -> Dim:
        """Of all masks together, where none is float."""
        mask = inputs.get("attn_mask")
        if mask is None:
            return self._blocked(inputs) if "key_padding_mask" in inputs else 0
        if mask.rank == 2 and "key_padding_mask" in inputs:
            return inputs.x.shape[0] * mask.elements
        return mask.elements

    def _blocked(self, inputs: Inputs) -> Dim:
        """How many flags tell what padding and order forbid."""
        if "key_padding_mask" in inputs:
            flags = inputs["key_padding_mask"].elements
            return flags * inputs.x.shape[1] if self.is_causal else flags
        return self._types(inputs)[1].shape[1] * inputs.x.shape[1] if self.is_causal else 0

    @property
    def _options(self) -> dict[str, Value]:
        """The keyword arguments of the module that are not PyTorch's defaults."""
        options: dict[str, Value] = {}
        if self.dropout:
            options["dropout"] = self.dropout
        if not self.bias:
            options["bias"] = False
        if self.is_causal:
            options["is_causal"] = True
        return options

    def torch(self, t: TorchWriter) -> str:
        width, *others = self._widths(t.inputs)
        options: dict[str, Value] = {
            name: size for name, size in zip(("kdim", "vdim"), others, strict=True) if size != width
        }
        options |= self._options
        if self._kv_heads != self.num_heads or "attn_mask" in t.inputs:
            t.helper("GroupedQueryAttention", GROUPED_QUERY_ATTENTION)
            sizes = (width, self.num_heads, self._kv_heads)
            layer = t.module("GroupedQueryAttention", *sizes, **options)
        else:
            t.helper("MultiheadAttention", MULTIHEAD_ATTENTION)
            layer = t.module("MultiheadAttention", width, self.num_heads, **options)
        arguments = [t["x"]]
        for port in self.ports[1:]:
            if (given := t.get(port.name)) is not None:
                arguments.append(f"{port.name}={given}")
        return f"{layer}({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        width, *others = self._widths(b.inputs)
        return Attention(
            b,
            heads=self.num_heads,
            kv_heads=self._kv_heads,
            width=width,
            packed=others == [width, width],
            bias=self.bias,
            is_causal=self.is_causal,
        ).write()

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        x, mask = float_tensor(n, t, 8), bool_tensor(n, t)
        return (
            Example(cls(num_heads=2), {"x": x}),
            Example(cls(num_heads=4, dropout=0.1), {"x": x, "key_padding_mask": mask}),
            Example(cls(num_heads=2, is_causal=True, bias=False), {"x": x}),
            Example(cls(num_heads=2, is_causal=True), {"x": x, "key_padding_mask": mask}),
            Example(cls(num_heads=2), {"x": x, "key": float_tensor(n, s, 8)}),
            Example(
                cls(num_heads=2, bias=False),
                {"x": x, "key": float_tensor(n, s, 6), "value": float_tensor(n, s, 5)},
            ),
            Example(
                cls(num_heads=2),
                {
                    "x": x,
                    "key": float_tensor(n, s, 6),
                    "key_padding_mask": bool_tensor(n, s),
                },
            ),
            Example(cls(num_heads=2, is_causal=True), {"x": float_tensor(n, 5, 4)}),
            Example(cls(num_heads=4, num_kv_heads=2), {"x": x}),
            Example(
                cls(num_heads=4, num_kv_heads=1, bias=False, dropout=0.1),
                {"x": x, "key": float_tensor(n, s, 8), "key_padding_mask": bool_tensor(n, s)},
            ),
            Example(
                cls(num_heads=4, num_kv_heads=2),
                {"x": x, "key": float_tensor(n, s, 6), "value": float_tensor(n, s, 5)},
            ),
            Example(cls(num_heads=2), {"x": x, "attn_mask": bool_tensor(n, t, t)}),
            Example(cls(num_heads=2), {"x": x, "attn_mask": bool_tensor(2 * n, t, t)}),
            Example(
                cls(num_heads=4, num_kv_heads=2),
                {
                    "x": x,
                    "key": float_tensor(n, s, 6),
                    "attn_mask": bool_tensor(n, t, s),
                    "key_padding_mask": bool_tensor(n, s),
                },
            ),
            Example(
                cls(num_heads=2, is_causal=True),
                {"x": x, "attn_mask": float_tensor(t, t), "key_padding_mask": mask},
            ),
            Example(cls(num_heads=4, num_kv_heads=2), {"x": x, "attn_mask": float_tensor(n, t, t)}),
        )
