"""`flip`: dims in reverse."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_TO_THE_START = -(1 << 63)


@component
class Flip(Op):
    """Dims in reverse.

        flip(1)           # a sequence from its end, [N, T, C]
        flip(2, 3)        # an image turned by half

    Arguments:
        dims: the dims; negative ones count from the end
    """

    name: ClassVar[str] = "flip"
    variadic: ClassVar[str | None] = "dims"

    dims: tuple[int, ...]

    def infer(self, inputs: Inputs) -> TensorType:
        found = [axis(self.name, inputs.x, dim, "dims") for dim in self.dims]
        if not found:
            raise OpError("E0303", "`flip` needs a dim, such as `flip(1)`")
        if len(set(found)) != len(found):
            raise OpError("E0302", f"`flip` names a dim of {inputs.x} twice", blame="dims")
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.flip({', '.join(t.literal(dim) for dim in self.dims)})"

    def onnx(self, b: OnnxBuilder) -> str:
        back = b.constant([-1] * len(self.dims), INT)
        ends = b.constant([_TO_THE_START] * len(self.dims), INT)
        axes = b.constant([axis(self.name, b.inputs.x, dim) for dim in self.dims], INT)
        return b.node("Slice", b["x"], back, ends, axes, back)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dims=(1,)), {"x": float_tensor(n, t, 3)}),
            Example(cls(dims=(-1, 2)), {"x": float_tensor(n, 2, t, 3)}),
            Example(cls(dims=(0,)), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
        )
