"""`flatten`: several dims become one."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._reshape import onnx_reshape
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Flatten(Op):
    """Several dims become one.

        flatten          # [N, 16, 5, 5] -> [N, 400]
        flatten(2)       # [N, 16, 5, 5] -> [N, 16, 25]

    Stands between the convolutions and the first `linear`. The batch stays apart.

    Arguments:
        start_dim: the first dim of those that become one
        end_dim: the last of them
    """

    name: ClassVar[str] = "flatten"

    start_dim: int = 1
    end_dim: int = -1

    def _range(self, x: TensorType) -> tuple[int, int]:
        start = axis(self.name, x, self.start_dim, "start_dim")
        end = axis(self.name, x, self.end_dim, "end_dim")
        if start > end:
            raise OpError(
                "E0310",
                f"`start_dim` comes after `end_dim` in {x}, got {self.start_dim}"
                f" and {self.end_dim}",
                blame="start_dim",
            )
        return start, end

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        if x.rank < 2 and self == Flatten():
            raise OpError(
                "E0401",
                f"`flatten` takes [N, ...], got {x}",
                blame="x",
                help="leave it out: there is one number a sample",
            )
        start, end = self._range(x)
        return x.with_shape(
            *x.shape[:start], product(x.shape[start : end + 1]), *x.shape[end + 1 :]
        )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t.literal(self.start_dim)]
        if self.end_dim != -1:
            arguments.append(t.literal(self.end_dim))
        return f"torch.flatten({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self._range(b.inputs.x) == (1, b.inputs.x.rank - 1):
            return b.node("Flatten", b["x"], axis=1)
        return onnx_reshape(b, b["x"], b.inputs.x.shape, b.results[0].shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 4, 5)}),
            Example(cls(), {"x": float_tensor(n, t, 5)}),
            Example(cls(), {"x": float_tensor(n, 5)}),
            Example(cls(start_dim=2), {"x": float_tensor(n, 3, 4, 5)}),
            Example(cls(start_dim=0, end_dim=1), {"x": float_tensor(n, t, 5)}),
            Example(cls(start_dim=1, end_dim=2), {"x": float_tensor(n, t, 3, t)}),
        )
