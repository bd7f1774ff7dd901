"""`stack`: tensors of one shape along a new dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, require_equal
from dlc.compiler.ops._join import joined
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class Stack(Op):
    """Tensors of one shape along a new dim.

        [left, right] -> stack(dim=1)      # [N, 64] twice -> [N, 2, 64]

    To join along a dim that is there, use `concat`.

    Arguments:
        dim: which dim of the result is the new one; 0 puts it before the batch
    """

    name: ClassVar[str] = "stack"
    ports: ClassVar[tuple[Port, ...]] = (Port("x", "the tensors", variadic=True),)

    dim: int = 0

    def infer(self, inputs: Inputs) -> TensorType:
        values = joined(self.name, inputs, "stack(dim=1)")
        first = values[0]
        dim = axis(self.name, first, self.dim, extra=1)
        for other in values[1:]:
            for a, b in zip(first.shape, other.shape, strict=True):
                require_equal(
                    self.name,
                    a,
                    b,
                    f"`stack` needs equal shapes, got {first.shape_text} and {other.shape_text}",
                    help="to join along a dim that is there, use `concat`",
                )
        return first.with_shape(*first.shape[:dim], len(values), *first.shape[dim:])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"torch.stack(({', '.join(t.many('x'))}), dim={t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        dim = axis(self.name, b.inputs.many("x")[0], self.dim, extra=1)
        axes = b.constant([dim], DType.INT64)
        return b.node("Concat", *(b.node("Unsqueeze", x, axes) for x in b.many("x")), axis=dim)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": (float_tensor(n, 3), float_tensor(n, 3))}),
            Example(cls(), {"x": (float_tensor(n, t), float_tensor(n, t), float_tensor(n, t))}),
            Example(cls(dim=-1), {"x": (int_tensor(n, t), int_tensor(n, t))}, {"x": (0, 9)}),
        )
