"""`softmin`: probabilities along one dim, the smallest number the likeliest."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import axis, require_float
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Softmin(Op):
    """Positive numbers that sum to 1 along one dim, the largest where x is smallest.

        distances -> softmin

    y = e⁻ˣ / Σ e⁻ˣ: the `softmax` of −x, computed so that large numbers do no harm.

    Arguments:
        dim: the dim along which the results sum to 1
    """

    name: ClassVar[str] = "softmin"

    dim: int = -1

    def infer(self, inputs: Inputs) -> TensorType:
        require_float(self.name, inputs.x)
        axis(self.name, inputs.x, self.dim)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("y",)

    def torch(self, t: TorchWriter) -> str:
        return f"F.softmin({t['x']}, dim={t.literal(self.dim)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Softmax", b.node("Neg", b["x"]), axis=self.dim)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 5)}),
            Example(cls(), {"x": float_tensor(n, 3, t)}),
            Example(cls(dim=1), {"x": float_tensor(n, 3, t)}),
        )
