"""`rotary_embedding`: tells places by turning pairs of numbers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._angles import angles_helper, onnx_waves
from dlc.compiler.ops._checks import require_even, require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_HALVES = '''\
def rotary_embedding(x: Tensor, base: float) -> Tensor:
    """x of [..., T, E], number i and number i + E / 2 turned by the angle of their place."""
    turns = angles(x, base)
    cos, sin = turns.cos().to(x.dtype), turns.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
'''

_NEIGHBOURS = '''\
def interleaved_rotary_embedding(x: Tensor, base: float) -> Tensor:
    """x of [..., T, E], number 2i and number 2i + 1 turned by the angle of their place."""
    turns = angles(x, base)
    cos, sin = turns.cos().to(x.dtype), turns.sin().to(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)
'''


@component
class RotaryEmbedding(Op):
    """Tells the places of a sequence by turning pairs of numbers in queries and keys.

        q -> rotary_embedding            # [N, heads, T, E]
        k -> rotary_embedding(500000)

    At place t pair i turns by t / base^(2i/E), so that the product of a query and a key
    depends on how far apart they are. Takes [..., T, E] with E even, and goes before
    `scaled_dot_product_attention`, on queries and keys alike. Nothing is learned.

    Pair i is number i and i + E/2, as in GPT-NeoX, LLaMA and the weights that transformers
    publishes; with `interleaved` it is number 2i and 2i + 1, as in the paper, GPT-J and the
    weights of LLaMA as Meta publishes them. A model that is loaded needs the one that it was
    trained with.

    Arguments:
        base: what the wavelengths grow to, 2π at first, 2π·base at last
        interleaved: whether the numbers of a pair are neighbours
        rotary_dim: how many of the E numbers, from the first, are turned; all where it is
            not given

    Source: Su et al., RoFormer: enhanced transformer with rotary position embedding, 2021.
    """

    name: ClassVar[str] = "rotary_embedding"

    base: Annotated[float, Gt(1)] = 10000.0
    interleaved: bool = False
    rotary_dim: Positive | None = keyword(None)

    def validate(self) -> None:
        if self.rotary_dim is not None and self.rotary_dim % 2:
            raise OpError(
                "E0404",
                f"`rotary_dim` counts numbers of pairs, expected an even number, got "
                f"{self.rotary_dim}",
                blame="rotary_dim",
            )

    def _width(self, x: TensorType) -> int:
        """How many numbers are turned."""
        size = x.shape[-1]
        if self.rotary_dim is None or not isinstance(size, int):
            return require_even(self.name, x)
        if self.rotary_dim > size:
            raise OpError(
                "E0302",
                f"`rotary_dim` is at most the last size, {size}, got {self.rotary_dim}",
                blame="rotary_dim",
            )
        return self.rotary_dim

    def _partial(self, x: TensorType) -> bool:
        return self._width(x) != x.shape[-1]

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_least_rank(self.name, x, 3, "[N, ..., T, E]")
        self._width(x)
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Cosines and sines.
        x = inputs.x
        return x.shape[-2] * self._width(x) * x.dtype.bytes

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        angles_helper(t)
        if self.interleaved:
            turn = t.helper("interleaved_rotary_embedding", _NEIGHBOURS)
        else:
            turn = t.helper("rotary_embedding", _HALVES)
        x, base = t["x"], t.literal(self.base)
        if not self._partial(t.inputs.x):
            return f"{turn}({x}, {base})"
        width = t.literal(self._width(t.inputs.x))
        return f"torch.cat(({turn}({x}[..., :{width}], {base}), {x}[..., {width}:]), dim=-1)"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        width = self._width(x)
        value, rest = b["x"], ""
        if self._partial(x):
            size = x.shape[-1]
            assert isinstance(size, int)
            sizes = b.constant([width, size - width], DType.INT64)
            value, rest = b.nodes("Split", value, sizes, outputs=2, axis=-1)
        cos, sin = onnx_waves(b, x.shape[-2], width, self.base)
        y = (self._neighbours if self.interleaved else self._halves)(b, value, cos, sin, width)
        return b.node("Concat", y, rest, axis=-1) if rest else y

    def _halves(self, b: OnnxBuilder, value: str, cos: str, sin: str, width: int) -> str:
        sizes = b.constant([width // 2] * 2, DType.INT64)
        halves = b.nodes("Split", value, sizes, outputs=2, axis=-1)
        return b.node("Concat", *_turned(b, halves, cos, sin), axis=-1)

    def _neighbours(self, b: OnnxBuilder, value: str, cos: str, sin: str, width: int) -> str:
        before = [0] * (b.inputs.x.rank - 1)
        last = b.constant([-1], DType.INT64)
        value = b.node("Reshape", value, b.constant([*before, width // 2, 2], DType.INT64))
        pairs = b.nodes("Split", value, b.constant([1, 1], DType.INT64), outputs=2, axis=-1)
        cos, sin = (b.node("Unsqueeze", wave, last) for wave in (cos, sin))
        y = b.node("Concat", *_turned(b, pairs, cos, sin), axis=-1)
        return b.node("Reshape", y, b.constant([*before, width], DType.INT64))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        heads = float_tensor(n, 2, t, 8)
        return (
            Example(cls(), {"x": heads}),
            Example(cls(interleaved=True), {"x": heads}),
            Example(cls(base=500.0), {"x": float_tensor(n, t, 6)}),
            Example(cls(rotary_dim=4), {"x": heads}),
            Example(cls(rotary_dim=6, interleaved=True), {"x": float_tensor(n, 2, 3, 9, 8)}),
            Example(cls(), {"x": float_tensor(n, 1, 700, 4)}),
        )


def _turned(b: OnnxBuilder, pair: tuple[str, ...], cos: str, sin: str) -> tuple[str, str]:
    left, right = pair
    return (
        b.node("Sub", b.node("Mul", left, cos), b.node("Mul", right, sin)),
        b.node("Add", b.node("Mul", right, cos), b.node("Mul", left, sin)),
    )
