"""`cumsum`: sums so far along a dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import onnx_cast
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._reduction import require_numbers, summed_dtype
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Cumsum(Op):
    """Sums so far along a dim: place i holds the sum of the places up to i, itself too.

        tokens -> ne(0) -> cumsum(dim=1)     # int[N, T]: the how-manieth token it is

    Flags count as 0 and 1; the sums of whole numbers or flags are int.

    Arguments:
        dim: the dim along which numbers are summed
    """

    name: ClassVar[str] = "cumsum"

    dim: int

    def infer(self, inputs: Inputs) -> TensorType:
        require_numbers(self.name, inputs.x, bools=True)
        axis(self.name, inputs.x, self.dim)
        return inputs.x.with_dtype(summed_dtype(inputs.x.dtype))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        size = inputs.x.shape[self.dim]
        return (size + 1) / 2 if isinstance(size, int) else None

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.cumsum(dim={t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        value = onnx_cast(b, b["x"], b.inputs.x.dtype, b.results[0].dtype)
        return b.node("CumSum", value, b.scalar(self.dim, INT))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 3)}),
            Example(cls(dim=-1), {"x": float_tensor(n, t)}),
            Example(cls(dim=1), {"x": int_tensor(n, t)}, {"x": (-5, 5)}),
            Example(cls(dim=-1), {"x": bool_tensor(n, t)}),
        )
