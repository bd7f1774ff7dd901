"""`repeat_interleave`: each place of a dim, several times in a row."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._reshape import onnx_reshape
from dlc.compiler.ops._subscript import bare, onnx_sizes
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class RepeatInterleave(Op):
    """Each place of a dim, several times in a row.

        repeat_interleave(4, dim=1)       # a b -> a a a a b b b b

    Gives every group of queries its keys, [N, 2, T, 64] -> [N, 8, T, 64]. `tile` makes
    a b a b. Without a dim the tensor becomes one row first, the batch included.

    Arguments:
        repeats: how many times
        dim: the dim; negative ones count from the end; `null` for all, as one row
    """

    name: ClassVar[str] = "repeat_interleave"

    repeats: Dim
    dim: int | None = None

    def _before(self, x: TensorType) -> TensorType:
        """What is repeated: the input, or its one row."""
        return x.with_shape(product(x.shape)) if self.dim is None else x

    def _place(self, x: TensorType) -> int:
        return 0 if self.dim is None else axis(self.name, x, self.dim)

    def infer(self, inputs: Inputs) -> TensorType:
        require_room(
            self.repeats,
            f"`repeat_interleave` repeats at least once, got {self.repeats}",
            f"`repeat_interleave` repeats at least once, got {self.repeats}, which may be less",
            blame="repeats",
            least=1,
        )
        dim, x = self._place(inputs.x), self._before(inputs.x)
        return x.with_shape(*x.shape[:dim], x.shape[dim] * self.repeats, *x.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        dim = "" if self.dim is None else f", dim={t.literal(self.dim)}"
        return f"{t['x']}.repeat_interleave({bare(t, self.repeats)}{dim})"

    def onnx(self, b: OnnxBuilder) -> str:
        given = b.inputs.x
        dim, x = self._place(given), self._before(given)
        value = onnx_reshape(b, b["x"], given.shape, x.shape) if self.dim is None else b["x"]
        value = b.node("Unsqueeze", value, b.constant([dim + 1], INT))
        repeats: list[Dim] = [1] * (x.rank + 1)
        repeats[dim + 1] = self.repeats
        value = b.node("Expand", value, onnx_sizes(b, repeats))
        wide = (*x.shape[: dim + 1], self.repeats, *x.shape[dim + 1 :])
        return onnx_reshape(b, value, wide, b.results[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(repeats=4, dim=1), {"x": float_tensor(n, 2, t, 3)}),
            Example(cls(repeats=3, dim=-1), {"x": float_tensor(n, t)}),
            Example(cls(repeats=t, dim=0), {"x": float_tensor(n, t)}),
            Example(cls(repeats=2), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
            Example(cls(repeats=1, dim=1), {"x": float_tensor(n, 3)}),
        )
