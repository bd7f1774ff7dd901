"""`select`: one place of a dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._extent import from_front, require_room
from dlc.compiler.ops._subscript import Part, bare, subscript
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Select(Op):
    """One place of a dim, which is then gone.

        select(1, 0)      # the first token, [N, T, 768] -> [N, 768]
        select(1, -1)     # the last one

    Arguments:
        dim: the dim; negative ones count from the end
        index: the place in it, from 0; negative ones count from the end
    """

    name: ClassVar[str] = "select"

    dim: int
    index: Dim

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        dim = axis(self.name, x, self.dim)
        size = x.shape[dim]
        place = from_front(self.index, size, self.name, "index")
        for left in (place, size - 1 - place):
            require_room(
                left,
                f"dim {self.dim} of {x} has no place {self.index}",
                f"dim {self.dim} of {x} may have no place {self.index}",
                blame="index",
                help=f"the last one is {size - 1}, or -1" if isinstance(size, int) else None,
            )
        return x.with_shape(*x.shape[:dim], *x.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        place = self._part(t.inputs.x).start
        return subscript(t["x"], self.dim, bare(t, place))

    def _part(self, x: TensorType) -> Part:
        return Part.of(self.index, x.shape[self.dim], x.shape[self.dim])

    def onnx(self, b: OnnxBuilder) -> str:
        place = self._part(b.inputs.x).start
        index = b.scalar(place, INT) if isinstance(place, int) else b.dim(place)
        return b.node("Gather", b["x"], index, axis=axis(self.name, b.inputs.x, self.dim))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1, index=0), {"x": float_tensor(n, t, 3)}),
            Example(cls(dim=-2, index=-1), {"x": float_tensor(n, 2, t, 3)}),
            Example(cls(dim=2, index=3), {"x": float_tensor(n, t, 5)}),
            Example(cls(dim=1, index=t - 1), {"x": float_tensor(n, t, 3)}),
            Example(cls(dim=1, index=t // 2), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
        )
