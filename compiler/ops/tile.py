"""`tile`: the whole tensor, repeated."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._subscript import bare, onnx_sizes
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Tile(Op):
    """The whole tensor, repeated in each dim.

        tile(1, 3, 1)         # a b -> a b a b a b along dim 1, [N, 2, C] -> [N, 6, C]
        tile(2)               # the last dim twice

    Fewer numbers than dims repeat the last dims; more put new dims in front. What is of
    size 1 is stretched without a copy by `expand`; `repeat_interleave` makes a a a b b b.

    Arguments:
        dims: how many times each dim is repeated
    """

    name: ClassVar[str] = "tile"
    variadic: ClassVar[str | None] = "dims"

    dims: tuple[Dim, ...]

    def validate(self) -> None:
        if not self.dims:
            raise OpError("E0303", "`tile` needs numbers, such as `tile(1, 3)`")

    def _repeats(self, x: TensorType) -> tuple[Dim, ...]:
        """How often each dim of the result is repeated."""
        return (1,) * (x.rank - len(self.dims)) + self.dims

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        for repeat in self.dims:
            require_room(
                repeat,
                f"`tile` repeats a dim at least once, got {repeat}",
                f"`tile` repeats a dim at least once, got {repeat}, which may be less",
                blame="dims",
                least=1,
            )
        repeats = self._repeats(x)
        old = (1,) * (len(repeats) - x.rank) + x.shape
        return x.with_shape(*(a * b for a, b in zip(old, repeats, strict=True)))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.tile({', '.join(bare(t, repeat) for repeat in self.dims)})"

    def onnx(self, b: OnnxBuilder) -> str:
        value, repeats = b["x"], self._repeats(b.inputs.x)
        new = len(repeats) - b.inputs.x.rank
        if new:
            value = b.node("Unsqueeze", value, b.constant(list(range(new)), INT))
        return b.node("Tile", value, onnx_sizes(b, repeats))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dims=(1, 3, 1)), {"x": float_tensor(n, 2, t)}),
            Example(cls(dims=(2,)), {"x": float_tensor(n, t, 3)}),
            Example(cls(dims=(2, 1, 3)), {"x": float_tensor(n, 3)}),
            Example(cls(dims=(1, t)), {"x": float_tensor(n, t)}),
            Example(cls(dims=(2, 2)), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
        )
