"""`multihead_attention`: each position takes what it needs from the others."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor
from dlc.compiler.ops._attention import Attention
from dlc.compiler.ops._checks import known, require_bool, require_equal, require_float, require_rank
from dlc.compiler.ops.base import Example, OpError, Port, WeightedOp
from dlc.compiler.record import component

_HELPER = '''\
class MultiheadAttention(nn.MultiheadAttention):
    """Attention, batch first; a query whose keys are all masked gets 0 of them.

    nn.MultiheadAttention gives NaN there when it evaluates.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        is_causal: bool = False,
        **options: bool | float | int,
    ) -> None:
        super().__init__(embed_dim, num_heads, batch_first=True, **options)
        self.is_causal = is_causal

    def forward(
        self,
        x: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        if key is None and value is None:
            q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            key = x if key is None else key
            value = key if value is None else value
            if self.in_proj_weight is None:
                weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            else:
                weights = self.in_proj_weight.chunk(3)
            biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
            q, k, v = (F.linear(y, w, b) for y, w, b in zip((x, key, value), weights, biases))
        q, k, v = (y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for y in (q, k, v))
        mask = None  # true where a query may look
        if key_padding_mask is not None:
            mask = ~key_padding_mask[:, None, None, :]
            if self.is_causal:
                mask = mask & mask.new_ones(q.shape[2], k.shape[2]).tril()
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.is_causal and mask is None,
        )
        return self.out_proj(y.transpose(1, 2).flatten(2))
'''


@component
class MultiheadAttention(WeightedOp):
    """Attention with several heads: each place of [N, T, E] takes what it needs from the others.

        residual { multihead_attention(12, dropout=0.1, key_padding_mask=mask) }
        x -> multihead_attention(8, key=memory)          # from another sequence

    softmax(Q Kᵀ / √d) V for each head, where Q, K and V are learned maps of x, key and
    value, d is E / num_heads, and another learned map joins the heads. `key` is x where it
    is not given, `value` is `key`. Masked keys get no weight; a query whose keys are all
    masked gets 0, not NaN.

    Arguments:
        num_heads: the number of heads; divides E
        dropout: the probability of a zero among the weights while training
        bias: whether the maps have biases
        is_causal: whether a position sees only itself and what comes before

    Source: Vaswani et al., Attention is all you need, 2017.
    """

    name: ClassVar[str] = "multihead_attention"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x", "the queries, [N, T, E]"),
        Port("key", "what is searched, [N, S, K]", optional=True),
        Port("value", "what is taken, [N, S, V]", optional=True),
        Port("key_padding_mask", "bool[N, S], true where a key is padding", optional=True),
    )

    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes:dropout": "a CPU has no fused kernel with dropout, and keeps the weights",
    }

    num_heads: Positive
    dropout: Probability = 0.0
    bias: bool = True
    is_causal: bool = False

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

    def _check_mask(self, inputs: Inputs, key: TensorType) -> None:
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

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        q, k, v = self._widths(inputs)
        if q == k == v:
            found = [self.weight_parameter("in_proj_weight", 3 * q, q)]
        else:
            found = [
                self.weight_parameter(f"{name}_proj_weight", q, width)
                for name, width in (("q", q), ("k", k), ("v", v))
            ]
        if self.bias:
            found.append(self.bias_parameter("in_proj_bias", 3 * q))
        found.append(self.weight_parameter("out_proj.weight", q, q))
        if self.bias:
            found.append(self.bias_parameter("out_proj.bias", q))
        return tuple(found)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        x, key, _ = self._types(inputs)
        q, k, v = self._widths(inputs)
        batch, queries, keys = x.shape[0], x.shape[1], key.shape[1]
        maps = 2 * q * q * (batch * queries) + (k + v) * q * (batch * keys)
        return maps + 2 * q * (batch * queries * keys)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return tuple(port for port in ("x", "key", "value") if port in inputs)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Queries, keys, values, what attention gives, its log-sum-exp, and the mask as
        # numbers to add; the fused kernels keep no matrix of weights.
        x, key, _ = self._types(inputs)
        width, bytes = self._widths(inputs)[0], x.dtype.bytes
        batch, queries, keys = x.shape[0], x.shape[1], key.shape[1]
        numbers = 2 * width * (batch * queries) + 2 * width * (batch * keys)
        numbers = numbers + self.num_heads * (batch * queries)
        if "key_padding_mask" in inputs:
            numbers = numbers + batch * keys * (queries if self.is_causal else 1)
        return numbers * bytes

    def torch(self, t: TorchWriter) -> str:
        t.helper("MultiheadAttention", _HELPER)
        width, *others = self._widths(t.inputs)
        options: dict[str, Value] = {
            name: size for name, size in zip(("kdim", "vdim"), others, strict=True) if size != width
        }
        if self.dropout:
            options["dropout"] = self.dropout
        if not self.bias:
            options["bias"] = False
        if self.is_causal:
            options["is_causal"] = True
        layer = t.module("MultiheadAttention", width, self.num_heads, **options)
        arguments = [t["x"]]
        for port in ("key", "value", "key_padding_mask"):
            if (given := t.get(port)) is not None:
                arguments.append(f"{port}={given}")
        return f"{layer}({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        width, *others = self._widths(b.inputs)
        return Attention(
            b,
            heads=self.num_heads,
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
        )
