"""`learned_positions`: a learned vector for each place of a sequence."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.initializers.normal import Normal
from dlc.compiler.ir.dims import Dim, bounds, symbol, symbols
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import known, require_float, require_rank, smallest
from dlc.compiler.ops.base import Example, InitializedOp, OpError
from dlc.compiler.record import component

_HELPER = '''\
class LearnedPositions(nn.Module):
    """Adds a learned vector to each place of [N, T, C], the same for every sample."""

    def __init__(self, max_len: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(max_len, dim))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]
'''

_START = Normal(std=0.02)


@component
class LearnedPositions(InitializedOp):
    """Adds a learned vector to each place of a sequence, [N, T, C].

        dim T = 1..1024
        tokens -> embedding(50257, 768) -> learned_positions(1024) -> dropout(0.1)

    y[t] = x[t] + table[t], with a table of [max_len, C]; a shorter sequence takes its first
    rows. GPT-2, BERT and ViT tell places so. Where the vectors are needed by themselves,
    `positions -> embedding(1024, 768)` gives them.

    It starts as `init` says, else as `learned_positions` in the `init` section says, else with
    normal numbers of deviation 0.02, as in the networks above.

    Arguments:
        max_len: the greatest length; the rows of the table

    Source: Gehring et al., Convolutional sequence to sequence learning, 2017.
    """

    name: ClassVar[str] = "learned_positions"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    max_len: Positive

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            3,
            layout="[N, T, C]",
            help="an image becomes a sequence with `flatten(2)` and `permute`"
            if x.rank == 4
            else "words become vectors with `embedding`",
        )
        self._width(x)
        low, high = bounds(x.shape[1])
        if low > self.max_len:
            raise OpError(
                "E0402",
                f"`{self.name}` has {self.max_len} rows, got {low} places in {x}",
                blame="max_len",
                help=f"make `max_len` at least {low}",
            )
        if high > self.max_len:
            raise OpError(
                "E0407",
                f"`{self.name}` has {self.max_len} rows, and {x} may have more places",
                blame="max_len",
                help=self._range_help(x.shape[1]),
            )
        return x

    def _range_help(self, steps: Dim) -> str:
        """How a spec can say that a sequence is short enough."""
        too_long = smallest(steps, self.max_len + 1)
        if too_long is None:
            names = " and ".join(f"`{name}`" for name in sorted(symbols(steps)))
            return f"declare how great {names} get, `dim NAME = low..high`"
        name, least = too_long
        return f"declare how long a sequence gets: `dim {name} = 1..{least - 1}`"

    def _width(self, x: TensorType) -> int:
        help = "give the last dim a number, or a param of the block (`float[N, T, dim]`)"
        return known(self.name, x, -1, "last size", help)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        shape = (self.max_len, self._width(inputs.x))
        start = self.init or _START
        return (Parameter(name="weight", shape=shape, initializer=start),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        t.helper("LearnedPositions", _HELPER)
        layer = t.module("LearnedPositions", self.max_len, self._width(t.inputs.x))
        return f"{layer}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        steps = b.inputs.x.shape[1]
        if isinstance(steps, int):
            table = Weight("weight")
            if steps < self.max_len:
                table = table.slice(0, 0, steps)
            return b.node("Add", b["x"], b.weight(table))
        first = b.constant([0], DType.INT64)
        rows = b.node("Slice", b.weight("weight"), first, b.shape((steps,)), first)
        return b.node("Add", b["x"], rows)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T", 1, 9)
        return (
            Example(cls(max_len=9), {"x": float_tensor(n, t, 4)}),
            Example(cls(max_len=9), {"x": float_tensor(n, 5, 4)}),
            Example(cls(max_len=5), {"x": float_tensor(n, 5, 4)}),
        )
