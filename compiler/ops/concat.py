"""`concat`: tensors joined along one dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, require_equal
from dlc.compiler.ops._join import joined
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class Concat(Op):
    """Tensors joined along one dim.

        [visual, tabular] -> concat(dim=1)      # [N, 256], [N, 16] -> [N, 272]

    All other dims must agree.

    Arguments:
        dim: the dim along which they are joined; channels are 1, the last one is -1
    """

    name: ClassVar[str] = "concat"
    ports: ClassVar[tuple[Port, ...]] = (Port("x", "the tensors", variadic=True),)

    dim: int

    def infer(self, inputs: Inputs) -> TensorType:
        values = joined(self.name, inputs, "concat(dim=1)")
        first = values[0]
        dim = axis(self.name, first, self.dim)
        total: Dim = first.shape[dim]
        for other in values[1:]:
            for place, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
                if place != dim:
                    require_equal(
                        self.name,
                        a,
                        b,
                        f"`concat` along dim {self.dim} needs the other dims equal, got"
                        f" {first.shape_text} and {other.shape_text}",
                        help=f"bring dim {place} to one size, or join along it: it is {a} and {b}",
                    )
            total = total + other.shape[dim]
        return first.with_shape(*first.shape[:dim], total, *first.shape[dim + 1 :])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"torch.cat(({', '.join(t.many('x'))}), dim={t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Concat", *b.many("x"), axis=self.dim)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": (float_tensor(n, 3), float_tensor(n, 5))}),
            Example(
                cls(dim=1),
                {"x": (float_tensor(n, 2, t), float_tensor(n, 3, t), float_tensor(n, 1, t))},
            ),
            Example(cls(dim=-1), {"x": (float_tensor(n, 2, t), float_tensor(n, 2, 4))}),
            Example(cls(dim=1), {"x": (int_tensor(n, t), int_tensor(n, 2))}, {"x": (0, 5)}),
        )
