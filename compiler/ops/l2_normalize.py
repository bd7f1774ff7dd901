"""`l2_normalize`: vectors of length 1."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import axis, require_float
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class L2Normalize(Op):
    """Vectors of length 1: `torch.nn.functional.normalize`.

        linear(128) -> l2_normalize

    y = x / max(‖x‖, eps). The dot product of two such vectors is their cosine.

    Arguments:
        dim: the dim that holds the vector
        eps: the least length that is divided by
    """

    name: ClassVar[str] = "l2_normalize"

    dim: int = -1
    eps: PositiveFloat = 1e-12

    def infer(self, inputs: Inputs) -> TensorType:
        require_float(self.name, inputs.x)
        axis(self.name, inputs.x, self.dim)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # The length of each vector, before and after eps.
        x = inputs.x
        dim = axis(self.name, x, self.dim)
        return product((*x.shape[:dim], *x.shape[dim + 1 :])) * 2 * x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        eps = "" if self.eps == 1e-12 else f", eps={t.literal(self.eps)}"
        return f"F.normalize({t['x']}, dim={t.literal(self.dim)}{eps})"

    def onnx(self, b: OnnxBuilder) -> str:
        axes = b.constant([self.dim], DType.INT64)
        length = b.node("ReduceL2", b["x"], axes, keepdims=1)
        least = b.scalar(self.eps, b.inputs.x.dtype)
        return b.node("Div", b["x"], b.node("Max", length, least))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 5)}),
            Example(cls(dim=1), {"x": float_tensor(n, 3, t)}),
            Example(cls(eps=0.5), {"x": float_tensor(n, t, 3)}),
        )
